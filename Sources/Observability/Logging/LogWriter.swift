internal import Synchronization

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Writes whole lines to a file descriptor, from any thread, without ever holding up the process for long.
///
/// A line is one `write(2)`; only what is longer than a pipe takes at once (4 KiB) is written in pieces, and nothing
/// comes between them. When the reader of a pipe, socket or terminal does not keep up, a line waits for at most a tenth
/// of a second; then it is dropped, and for a second no line waits at all. A closed pipe drops lines too. Dropped lines
/// are counted, see ``droppedLines``.
///
/// The first writer of a process ignores `SIGPIPE`, unless somebody handles it, because the signal's default is to kill
/// the process when whoever reads its log goes away.
public final class LogWriter: Sendable {
    private enum Destination: Sendable {
        case descriptor(Int32, mayBlock: Bool)
        case function(@Sendable ([UInt8]) -> Void)
    }

    private struct State {
        /// Until then nobody waits for the reader.
        var impatientUntil: ContinuousClock.Instant?
        /// Whether the last line was cut off, so that the next one must begin a new line.
        var endsInsideLine = false
    }

    /// What a pipe takes without blocking once it is writable: `PIPE_BUF` of Linux.
    private static let pieceSize = 4096
    private static let patience = Duration.milliseconds(100)
    private static let impatience = Duration.seconds(1)

    private let destination: Destination
    private let state = Mutex(State())
    private let dropped = Atomic<Int>(0)

    /// The process's standard output.
    public static let standardOutput = LogWriter(fileDescriptor: STDOUT_FILENO)
    /// The process's standard error.
    public static let standardError = LogWriter(fileDescriptor: STDERR_FILENO)

    /// Creates a writer to an open file descriptor, which it does not close.
    ///
    /// There should be one writer for a descriptor: it is what keeps lines apart.
    public init(fileDescriptor: Int32) {
        var status = stat()
        let isFile = fstat(fileDescriptor, &status) == 0 && (status.st_mode & S_IFMT) == S_IFREG
        destination = .descriptor(fileDescriptor, mayBlock: !isFile)
        Self.ignoreBrokenPipes()
    }

    /// Creates a writer that passes each line, with its line feed, to a function; for tests.
    public init(_ function: @escaping @Sendable ([UInt8]) -> Void) {
        destination = .function(function)
    }

    /// How many lines were dropped because nobody took them.
    public var droppedLines: Int { dropped.load(ordering: .relaxed) }

    /// Whether the lines go to a terminal.
    public var isTerminal: Bool {
        if case .descriptor(let descriptor, _) = destination { isatty(descriptor) == 1 } else { false }
    }

    /// Writes a line, which ends with a line feed.
    func write(_ line: [UInt8]) {
        switch destination {
        case .function(let function):
            function(line)
        case .descriptor(let descriptor, let mayBlock):
            let isWritten = state.withLock { state in
                Self.write(line, to: descriptor, mayBlock: mayBlock, state: &state)
            }
            if !isWritten { dropped.wrappingAdd(1, ordering: .relaxed) }
        }
    }

    private static func write(_ line: [UInt8], to descriptor: Int32, mayBlock: Bool, state: inout State) -> Bool {
        let bytes = state.endsInsideLine ? [UInt8(ascii: "\n")] + line : line
        var deadline: ContinuousClock.Instant?
        var written = 0
        while written < bytes.count {
            if mayBlock, !isWritable(descriptor, timeout: 0) {
                let now = ContinuousClock.now
                if let until = state.impatientUntil, now < until { break }
                let end = deadline ?? now + patience
                deadline = end
                guard now < end else {
                    state.impatientUntil = now + impatience
                    break
                }
                // An interrupted wait is over too early, which does not matter: the loop asks again.
                let rest = (end - now) / .milliseconds(1)
                _ = isWritable(descriptor, timeout: Int32(rest.rounded(.up)))
                continue
            }
            let count = mayBlock ? min(bytes.count - written, pieceSize) : bytes.count - written
            let result = bytes[written..<(written + count)].withUnsafeBytes { piece in
                systemWrite(descriptor, piece.baseAddress, piece.count)
            }
            if result > 0 {
                written += result
            } else if errno != EINTR, errno != EAGAIN {
                break
            }
        }
        if written > 0 { state.endsInsideLine = written < bytes.count }
        return written == bytes.count
    }

    /// Whether the descriptor takes a piece now or within a time in milliseconds; also when writing fails at once.
    private static func isWritable(_ descriptor: Int32, timeout: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, timeout) > 0
    }

    private static func ignoreBrokenPipes() {
        var action = sigaction()
        guard sigaction(SIGPIPE, nil, &action) == 0 else { return }
        // SIG_DFL is the null function, which Swift imports as nil.
        #if canImport(Glibc)
        let isDefault = action.__sigaction_handler.sa_handler == nil
        #else
        let isDefault = action.__sigaction_u.__sa_handler == nil
        #endif
        if isDefault { _ = signal(SIGPIPE, SIG_IGN) }
    }
}

/// `write(2)`, which has the name of a method above.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
