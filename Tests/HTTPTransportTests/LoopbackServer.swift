import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A TCP server on a free loopback port that runs a closure on a thread of its own for each connection.
///
/// Behaviour of real peers on real sockets, including the rude ones: the closure decides what is answered, when and
/// whether at all.
final class LoopbackServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let open = Mutex<Set<Int32>>([])

    struct SetupFailure: Error {
        let step: String
        let code = errno
    }

    init(_ serve: @escaping @Sendable (LoopbackConnection) -> Void) throws {
        let listener = socket(AF_INET, socketStreamType, 0)
        guard listener >= 0 else { throw SetupFailure(step: "socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard isListening else { throw SetupFailure(step: "listen") }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            while case let descriptor = accept(listener, nil, nil), descriptor >= 0 {
                open.withLock { _ = $0.insert(descriptor) }
                Thread.detachNewThread { [self] in
                    serve(LoopbackConnection(descriptor))
                    open.withLock { _ = $0.remove(descriptor) }
                    close(descriptor)
                }
            }
            close(listener)
        }
    }

    /// Ends the listener and all connections; their closures see the end of the stream.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        open.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }
}

#if canImport(Glibc)
private let socketStreamType = Int32(SOCK_STREAM.rawValue)
#else
private let socketStreamType = SOCK_STREAM
#endif

/// A loopback port where nothing answers, not even the kernel: a connection that is being made stays so.
final class UnreachablePort: Sendable {
    let port: UInt16
    private let descriptors: [Int32]

    init() throws {
        let listener = socket(AF_INET, socketStreamType, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var descriptors = [listener]
        let isFull = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, length) == 0, listen(listener, 0) == 0,
                    getsockname(listener, address, &length) == 0
                else { return false }
                // Nobody accepts, so that the queue is full after a few and the kernel ignores who comes later.
                for _ in 0..<4 {
                    let client = socket(AF_INET, socketStreamType, 0)
                    _ = fcntl(client, F_SETFL, O_NONBLOCK)
                    descriptors.append(client)
                    _ = connect(client, address, length)
                }
                return true
            }
        }
        guard isFull else { throw LoopbackServer.SetupFailure(step: "listen") }
        self.descriptors = descriptors
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }
}

/// One connection, used by its server thread only.
final class LoopbackConnection {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// A line without its CRLF, or `nil` at the end of the stream.
    func readLine() -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                var line = buffer[..<end]
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                let text = String(decoding: line, as: UTF8.self)
                buffer.removeSubrange(...end)
                return text
            }
            guard fill() else { return nil }
        }
    }

    func read(_ count: Int) -> [UInt8]? {
        while buffer.count < count {
            guard fill() else { return nil }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    /// - Returns: Whether the peer still takes bytes.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                send(descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Waits until the peer, or the server's `stop()`, ends the connection.
    func waitForEnd() {
        while fill() { buffer.removeAll() }
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer += chunk.prefix(count)
        return true
    }
}

// MARK: HTTP

struct ReceivedRequest: Sendable, Hashable {
    var method = ""
    var target = ""
    /// Names in lower case.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
}

extension LoopbackConnection {
    /// Reads one HTTP/1.1 request whose body, if any, has a `Content-Length`.
    func readRequest() -> ReceivedRequest? {
        guard let line = readLine() else { return nil }
        let words = line.split(separator: " ")
        guard words.count == 3 else { return nil }
        var request = ReceivedRequest(method: String(words[0]), target: String(words[1]))
        while let line = readLine(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            request.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        guard let body = read(Int(request.headers["content-length"] ?? "0") ?? 0) else { return nil }
        request.body = body
        return request
    }

    func respond(_ status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        var head = "HTTP/1.1 \(status) Status\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        write(Array((head + "\r\n").utf8) + body)
    }
}

/// What a scripted HTTP server does with one request.
enum Reply: Sendable {
    case status(Int, headers: [String: String] = [:], body: [UInt8] = [])
    /// Reads the request and never answers.
    case silence
    /// Ends the connection without an answer.
    case hangUp
    /// Sends this and ends the connection.
    case raw(String)
    /// Answers a byte at a time, for as long as somebody listens.
    case drip
}

/// An HTTP server that answers requests by a script and remembers them; after the script it answers always the same.
final class ScriptedHTTPServer: Sendable {
    private struct State {
        var replies: [Reply]
        var requests: [ReceivedRequest] = []
        var connections = 0
    }

    private let state: Mutex<State>
    private let server: Mutex<LoopbackServer?> = Mutex(nil)

    init(_ replies: Reply..., then last: Reply = .status(200)) throws {
        state = Mutex(State(replies: replies))
        let server = try LoopbackServer { [weak self] connection in
            self?.state.withLock { $0.connections += 1 }
            while let request = connection.readRequest() {
                let reply = self?.state.withLock { state in
                    state.requests.append(request)
                    return state.replies.isEmpty ? last : state.replies.removeFirst()
                }
                switch reply {
                case .status(let status, let headers, let body)?:
                    connection.respond(status, headers: headers, body: body)
                case .silence?: return connection.waitForEnd()
                case .raw(let text)?: return connection.write(text)
                case .drip?:
                    connection.write("HTTP/1.1 200 OK\r\nX: ")
                    while connection.write([UInt8(ascii: "x")]) { Thread.sleep(forTimeInterval: 0.01) }
                    return
                case .hangUp?, nil: return
                }
            }
        }
        self.server.withLock { $0 = server }
    }

    deinit {
        server.withLock { $0?.stop() }
    }

    var requests: [ReceivedRequest] { state.withLock { $0.requests } }
    var connections: Int { state.withLock { $0.connections } }
    var url: String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }

    /// Waits until so many requests have arrived.
    func waitForRequests(_ count: Int, within limit: Duration = .seconds(60)) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while requests.count < count {
            guard ContinuousClock.now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }
}
