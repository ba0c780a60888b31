internal import Foundation
internal import LocalStack

/// Keeps two stacks, or a stack and a clean-up, from using one data folder at the same time.
///
/// A lock of the kernel on a file: it ends with the process, however that ends.
final class FolderLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Parameter folder: The data folder; it is created.
    /// - Throws: `LocalStackError` when another process has it.
    init(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Closed on exec, or a server that outlives this process would keep the lock.
        let descriptor = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw LocalStackError(
                code: .unusableData,
                message: "\(folder)/lock cannot be opened; is the folder writable?"
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw LocalStackError(
                code: .alreadyRunning,
                message: "a stack that uses \(folder) is running; stop it first (Ctrl-C in its terminal)"
            )
        }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }
}
