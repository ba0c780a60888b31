internal import Glibc

/// A non-blocking TCP socket on 127.0.0.1, for probes.
final class LoopbackSocket: Sendable {
    private let descriptor: Int32

    init?() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Binds as servers do: connections of an earlier server that linger do not count, a listening socket does.
    func bind(port: Int) -> Bool {
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        return withAddress(port: port) { Glibc.bind(descriptor, $0, $1) } == 0
    }

    func listen() -> Bool { Glibc.listen(descriptor, 1) == 0 }

    /// Begins to connect; ``receive(limit:)`` tells how it went.
    func connect(port: Int) -> Bool {
        withAddress(port: port) { Glibc.connect(descriptor, $0, $1) } == 0 || errno == EINPROGRESS
    }

    enum Received {
        case bytes([UInt8])
        case nothingYet
        case closed
    }

    /// Reads what has arrived.
    func receive(limit: Int) -> Received {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &buffer, limit, 0)
        if count > 0 { return .bytes(Array(buffer.prefix(count))) }
        return count < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN) ? .nothingYet : .closed
    }

    private func withAddress(port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        guard let port = UInt16(exactly: port) else {
            errno = EINVAL
            return -1
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
