internal import ArgumentParser
internal import Foundation
internal import LocalStack

/// `contrail clean-data`
struct CleanDataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clean-data",
        abstract: "Removes the data of the local stack, which must not be running."
    )

    func run() async throws {
        try await reporting { console in
            let folder = StackFolder.path()
            guard FileManager.default.fileExists(atPath: folder) else {
                return console.print("There is no data in \(folder).")
            }
            for stack in [folder, folder + "/demo"] where FileManager.default.fileExists(atPath: stack) {
                let lock = try FolderLock(stack)
                try PostgresServer.removeData(in: stack + "/postgres")
                withExtendedLifetime(lock) {}
            }
            try FileManager.default.removeItem(atPath: folder)
            console.print("Removed \(folder).")
        }
    }
}
