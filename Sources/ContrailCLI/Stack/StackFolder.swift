internal import Foundation

/// The folder in which the local stack keeps its data: `.contrail` of the clone, or `CONTRAIL_HOME`.
enum StackFolder {
    static func path(environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        if let home = environment["CONTRAIL_HOME"], !home.isEmpty { return home }
        return FileManager.default.currentDirectoryPath + "/.contrail"
    }
}
