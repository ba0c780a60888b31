extension ManagedProcess {
    /// How a process ended.
    public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
        /// It returned this code.
        case exited(Int32)
        /// This signal ended it.
        case signalled(Int32)

        /// Reads the status that `waitpid` reports; the shifts are those of POSIX's `WIFEXITED` family on Linux.
        init(waitStatus: Int32) {
            let signal = waitStatus & 0x7F
            self = signal == 0 ? .exited((waitStatus >> 8) & 0xFF) : .signalled(signal)
        }

        /// Whether the process returned 0.
        public var isSuccess: Bool { self == .exited(0) }

        /// A short form such as "exit code 1" or "signal 9".
        public var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .signalled(let signal): "signal \(signal)"
            }
        }
    }
}
