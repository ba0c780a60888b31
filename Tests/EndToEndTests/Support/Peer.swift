import ContrailCLI
import Foundation
import LocalStack
import Logging
import TestKit
import Testing

/// A program that is not ours, or speaks through a library that is not, and runs beside a suite's stack.
struct Peer: Sendable {
    /// What runs.
    enum Kind: String, Sendable {
        /// A collector.
        case rotel
        /// `otlp_sink.py`, which passes on to rotel when that runs.
        case otlpSink
        /// `mail_sink.py`.
        case mailSink
    }

    let process: ManagedProcess
    /// Where it listens on 127.0.0.1.
    let port: Int
    /// Where it writes what it got.
    let folder: String

    var url: String { "http://127.0.0.1:\(port)" }

    /// The peers of the suite that runs.
    @TaskLocal static var running: [Kind: Peer] = [:]

    /// A peer of the suite that runs; only suites with its trait may ask.
    static func required(_ kind: Kind, sourceLocation: SourceLocation = #_sourceLocation) throws -> Peer {
        try #require(running[kind], "the suite lacks the .peer(.\(kind)) trait", sourceLocation: sourceLocation)
    }

    /// Starts a program and waits until it is ready.
    ///
    /// - Parameters:
    ///   - name: The program's name in messages.
    ///   - port: Where it is to listen; `nil` for any free port.
    ///   - command: Makes the command once port and folder are known.
    ///   - isReady: Asks the program, or looks for the file `ready` in its folder.
    static func start(
        _ name: String,
        port: Int? = nil,
        _ command: (_ port: Int, _ folder: String) throws -> Command,
        isReady: @escaping @Sendable (Peer) async -> Bool = {
            FileManager.default.fileExists(atPath: $0.folder + "/ready")
        }
    ) async throws -> Peer {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-\(name)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let port = try port ?? FreePort.reserve()
        do {
            let process = try await ManagedProcess.start(
                name: name,
                command: command(port, folder),
                logFile: folder + "/log",
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let peer = Peer(process: process, port: port, folder: folder)
            do {
                try await process.waitUntilReady(timeout: .seconds(30)) { await isReady(peer) }
            } catch {
                await process.terminate(grace: .seconds(5))
                throw error
            }
            return peer
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    /// Starts one of our Python programs, which take a port and a folder.
    static func python(_ program: String, _ further: [String] = []) async throws -> Peer {
        try await start((program as NSString).deletingPathExtension) { port, folder in
            try Python.command(program, [String(port), folder] + further)
        }
    }

    static func start(_ kind: Kind) async throws -> Peer {
        switch kind {
        case .otlpSink:
            return try await python("otlp_sink.py", running[.rotel].map { ["\($0.url)/v1/traces"] } ?? [])
        case .mailSink:
            return try await python("mail_sink.py")
        case .rotel:
            let agent = try #require(Python.rotel, "rotel is not installed; run dev/setup --tests")
            let grpcPort = try FreePort.reserve()
            return try await start("rotel") { port, folder in
                let options = [
                    "otlp-http-endpoint": "127.0.0.1:\(port)", "otlp-grpc-endpoint": "127.0.0.1:\(grpcPort)",
                    "exporter": "blackhole", "debug-log": "traces", "debug-log-verbosity": "detailed",
                    "pid-file": folder + "/pid", "log-file": folder + "/log",
                ]
                return Command(executable: agent, arguments: ["start"] + options.flatMap { ["--\($0)", $1] })
            } isReady: {
                (try? await Admin.get($0.url)) != nil
            }
        }
    }

    /// Lends the program to a body, and stops it.
    func lend<T>(_ body: (Peer) async throws -> T) async throws -> T {
        let result: Result<T, any Error>
        do {
            result = .success(try await body(self))
        } catch {
            result = .failure(error)
        }
        await stop()
        return try result.get()
    }

    func stop() async {
        await process.terminate(grace: .seconds(5))
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// What the program wrote to a file so far.
    func text(_ file: String) -> String {
        // Bodies are no text, but what is looked for in them is.
        String(decoding: FileManager.default.contents(atPath: "\(folder)/\(file)") ?? Data(), as: UTF8.self)
    }

    /// The complete lines of a file, decoded.
    func lines<T: Decodable>(_ file: String, as type: T.Type = T.self) throws -> [T] {
        let data = FileManager.default.contents(atPath: "\(folder)/\(file)") ?? Data()
        let end = data.lastIndex(of: UInt8(ascii: "\n")) ?? data.startIndex
        let decoder = JSONDecoder()
        return try data[..<end].split(separator: UInt8(ascii: "\n")).map { try decoder.decode(T.self, from: $0) }
    }
}

/// Runs a peer around a suite; put it before the stack's trait, so that the peer outlives the stack.
struct PeerTrait: SuiteTrait, TestScoping {
    let kind: Peer.Kind

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        let peer = try await Peer.start(kind)
        let result: Result<Void, any Error>
        do {
            try await Peer.$running.withValue(Peer.running.merging([kind: peer]) { $1 }) { try await function() }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        if kind == .otlpSink { try expectFlawlessRequests(to: peer) }
        await peer.stop()
        try result.get()
    }

    /// The stack has stopped, so this is everything that it ever sent.
    private func expectFlawlessRequests(to sink: Peer) throws {
        for request in try sink.lines("requests.jsonl", as: OTLPSinkRequest.self) {
            #expect(request.problems == [])
        }
    }
}

extension Trait where Self == PeerTrait {
    /// A peer that runs around the suite.
    static func peer(_ kind: Peer.Kind) -> PeerTrait { PeerTrait(kind: kind) }
}
