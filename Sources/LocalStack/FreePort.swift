internal import Foundation
internal import Glibc
internal import Synchronization

/// Loopback ports for servers that are started next.
///
/// The ports lie below the range from which the kernel takes ports for outgoing connections, so that a connection made
/// between the choice and the server's `bind` cannot take one. A port is given out once per process.
public enum FreePort {
    private static let given = Mutex<Set<Int>>([])

    /// Chooses distinct ports on which nothing listens.
    ///
    /// - Parameter count: How many ports to choose.
    /// - Throws: ``LocalStackError`` when there are not so many free ports.
    public static func reserve(count: Int) throws -> [Int] {
        let range = candidates()
        return try given.withLock { given in
            var ports: [Int] = []
            var attempts = 0
            while ports.count < count {
                attempts += 1
                guard attempts < 2000 + 20 * count else {
                    throw LocalStackError(
                        code: .portInUse,
                        message: "no \(count) free loopback ports in \(range.lowerBound)–\(range.upperBound)"
                    )
                }
                let port = Int.random(in: range)
                guard !given.contains(port), isFree(port) else { continue }
                given.insert(port)
                ports.append(port)
            }
            return ports
        }
    }

    /// Chooses one port on which nothing listens.
    ///
    /// - Throws: ``LocalStackError`` when there is none.
    public static func reserve() throws -> Int {
        guard let port = try reserve(count: 1).first else {
            throw LocalStackError(code: .portInUse, message: "no free loopback port")
        }
        return port
    }

    /// Tells whether a server could listen on a loopback port now.
    public static func isFree(_ port: Int) -> Bool {
        guard let socket = LoopbackSocket() else { return false }
        return socket.bind(port: port)
    }

    /// Throws a clear error when something listens on a port that was asked for by number.
    static func requireFree(_ port: Int, for component: String) throws {
        guard !isFree(port) else { return }
        throw LocalStackError(
            code: .portInUse,
            message:
                "\(component) cannot listen on 127.0.0.1:\(port): the port is in use; stop what uses it or choose another"
        )
    }

    private static func candidates() -> ClosedRange<Int> {
        let text = try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let ephemeral = text?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } ?? 32768
        return ephemeral > 16000 ? 12000...min(ephemeral - 1, 32767) : 12000...60999
    }
}
