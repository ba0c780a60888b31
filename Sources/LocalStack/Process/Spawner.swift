internal import Dispatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// The one thread that starts processes.
///
/// Linux sends a parent-death signal when the *thread* that started a child ends, so the thread lives as long as this
/// process does. It also serialises starts, which keeps a pipe that is made for one child out of another.
final class Spawner: Sendable {
    static let shared = Spawner()

    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let wake = DispatchSemaphore(value: 0)

    private init() {
        Thread.detachNewThread { [self] in
            while true {
                wake.wait()
                jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }?()
            }
        }
    }

    /// Starts a process, in a process group of its own, with its output appended to a file.
    ///
    /// - Parameters:
    ///   - command: What to start.
    ///   - logFile: The file that receives standard output and standard error.
    ///   - input: What the process reads from standard input, at most ``inputLimit`` bytes.
    func spawn(_ command: Command, logFile: String, input: [UInt8]) async throws -> pid_t {
        try await withCheckedThrowingContinuation { continuation in
            jobs.withLock {
                $0.append {
                    continuation.resume(with: Result { try Self.spawn(command, logFile: logFile, input: input) })
                }
            }
            wake.signal()
        }
    }

    /// What fits into an empty pipe on every Linux, so that writing it before the process runs cannot block.
    static let inputLimit = 4096

    private static func spawn(_ command: Command, logFile: String, input: [UInt8]) throws -> pid_t {
        try command.validate()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let pipe = input.isEmpty ? nil : try filledPipe(input)
        defer { if let pipe { close(pipe) } }
        if let pipe {
            posix_spawn_file_actions_adddup2(&actions, pipe, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, logFile, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        for descriptor in inheritableDescriptors() {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: Ctrl-C in the terminal reaches this process only, which then stops the others in order.
        posix_spawnattr_setpgroup(&attributes, 0)
        // Ignored and blocked signals are inherited across exec; a server that ignores SIGTERM could not be stopped.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let vector = command.argumentVector()
        var pid: pid_t = 0
        let result = withCStrings(vector) { arguments in
            withCStrings(command.environment.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&pid, vector[0], &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else {
            throw LocalStackError(
                code: .cannotStart,
                message: "cannot start '\(command.executable)': \(String(cString: strerror(result)))"
            )
        }
        return pid
    }

    /// The descriptors that exec would hand on: libraries do not all set close-on-exec on their sockets.
    private static func inheritableDescriptors() -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { Int32($0) }.filter { descriptor in
            let flags = fcntl(descriptor, F_GETFD)
            return descriptor > 2 && flags >= 0 && flags & FD_CLOEXEC == 0
        }
    }

    private static func filledPipe(_ input: [UInt8]) throws -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard input.count <= inputLimit, pipe(&ends) == 0 else {
            throw LocalStackError(code: .cannotStart, message: "cannot pass \(input.count) bytes as standard input")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = write(ends[1], input, input.count)
        close(ends[1])
        return ends[0]
    }

    private static func withCStrings<R>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> R
    ) -> R {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
