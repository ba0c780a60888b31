private import Foundation

/// Reads what somebody names in a variable: a file with settings, or with a secret.
enum TextFile {
    /// A file that cannot be used.
    struct Unreadable: Error {
        /// What is wrong with it, to be read after “which”; never anything of its content.
        let reason: String
    }

    /// Reads a whole file.
    static func read(_ path: String) throws(Unreadable) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Unreadable(reason: "cannot be read; name a file that this process may read")
        }
        guard let text = String(data: data, encoding: .utf8), !text.contains("\0") else {
            throw Unreadable(reason: "is not text")
        }
        return text
    }
}
