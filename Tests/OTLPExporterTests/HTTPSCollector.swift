import Foundation
import Synchronization
import Testing

/// Python's HTTPS server, so that no TLS of ours judges itself.
final class HTTPSCollector: Sendable {
    struct Request: Decodable, Hashable {
        var connection: Int
        var path: String
        var bytes: Int
        var encoding: String
        var client: String
    }

    let port: Int
    /// The program ends when it ends.
    private let input = Pipe()
    private let output = Mutex<[Request]>([])

    init(_ certificate: TestCertificates.Identity, clientAuthority: TestCertificates.Identity? = nil) throws {
        let program = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Programs/https_collector.py"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["python3", program, certificate.certificate, certificate.key]
            + (clientAuthority.map { [$0.certificate] } ?? [])
        let pipe = Pipe()
        process.standardInput = input
        process.standardOutput = pipe
        // A refused handshake is told there.
        process.standardError = FileHandle.nullDevice
        try process.run()
        let lines = LineReader(pipe.fileHandleForReading)
        guard let port = lines.next().flatMap({ Int($0) }) else { throw SetupFailure() }
        self.port = port
        Thread.detachNewThread { [weak self] in
            while let line = lines.next() {
                guard let request = try? JSONDecoder().decode(Request.self, from: Data(line.utf8)) else { continue }
                self?.output.withLock { $0.append(request) }
            }
        }
    }

    deinit {
        try? input.fileHandleForWriting.close()
    }

    struct SetupFailure: Error {}

    /// What has arrived. Each request is told before it is answered, but through a pipe.
    func requests(count: Int, within limit: Duration = .seconds(60)) async throws -> [Request] {
        let deadline = ContinuousClock.now + limit
        while output.withLock({ $0.count }) < count, .now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        return output.withLock { $0 }
    }
}

/// `@unchecked Sendable`: handed from the starting to the reading thread and used by one at a time.
private final class LineReader: @unchecked Sendable {
    private let handle: FileHandle
    private var buffer = Data()

    init(_ handle: FileHandle) {
        self.handle = handle
    }

    func next() -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer = Data(buffer[(end + 1)...]) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            let part = handle.availableData
            guard !part.isEmpty else { return nil }
            buffer += part
        }
    }
}

/// Certificates that live as long as a test, made by the openssl command.
final class TestCertificates: Sendable {
    struct Identity: Sendable {
        var certificate: String
        var key: String
    }

    private let folder: String
    /// An authority.
    let authority: Identity
    /// Another one, which signed nothing.
    let stranger: Identity

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/contrail-certificates-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        authority = try Self.makeAuthority("authority", in: folder)
        stranger = try Self.makeAuthority("stranger", in: folder)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    private static func makeAuthority(_ name: String, in folder: String) throws -> Identity {
        let identity = Identity(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        try openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=\(name)", "-keyout", identity.key, "-out", identity.certificate,
        ])
        return identity
    }

    /// Makes a certificate that the authority signs.
    func makeIdentity(_ name: String, alternativeName: String) throws -> Identity {
        let identity = Identity(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        let request = "\(folder)/\(name).csr"
        let extensions = "\(folder)/\(name).ext"
        try "subjectAltName=\(alternativeName)".write(toFile: extensions, atomically: true, encoding: .utf8)
        try Self.openssl([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)", "-keyout",
            identity.key, "-out", request,
        ])
        try Self.openssl([
            "x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", identity.certificate,
        ])
        return identity
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments)")
    }
}
