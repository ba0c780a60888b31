internal import Foundation
public import JetStream
internal import Logging
internal import Observability
private import Synchronization

/// The process's connection to NATS.
///
/// ``run()`` connects, for as long as it takes, and stays connected. What publishes and consumes through it waits for
/// the first connection and fails fast while there is none later.
public final class MessageBroker: Sendable {
    private enum State {
        case connecting(waiters: [UUID: CheckedContinuation<NATSConnection, any Error>])
        case connected(NATSConnection)
        case closed
    }

    let server: Attributes
    private let configuration: NATSConfiguration
    private let telemetry: Telemetry
    private let state = Mutex(State.connecting(waiters: [:]))
    private let stop = Gate()
    private let tailKeepExchange: TailKeepExchange
    /// What takes the place of a server in a test.
    private let substitute: (any JetStreamBroker)?

    /// Creates the connection's owner; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - environment: `NATS_URL` and its companions; the local server by default.
    ///   - name: What the server's monitoring shows for this connection.
    ///   - telemetry: Where to record.
    /// - Throws: An error that names the variable that is wrong.
    public init(environment: [String: String], name: String, telemetry: Telemetry) throws {
        var configuration = try NATSConfiguration(environment: environment)
        configuration.name = name
        // Own replies only: whoever may subscribe to `_INBOX.>` reads everybody's.
        if (environment["NATS_INBOX_PREFIX"] ?? "").isEmpty { configuration.inboxPrefix = "_INBOX_\(name)" }
        self.configuration = configuration
        self.telemetry = telemetry
        substitute = nil
        tailKeepExchange = TailKeepExchange(telemetry: telemetry)
        server = Self.serverAttributes(configuration.servers.first ?? "")
        telemetry.metrics.natsConnection { [weak self] in self?.statistics }
    }

    /// Creates the owner of a broker that needs no connection, for tests: it is up from the start.
    ///
    /// - Parameters:
    ///   - jetStream: Usually an ``InMemoryJetStream``.
    ///   - telemetry: Where to record.
    public init(jetStream: any JetStreamBroker, telemetry: Telemetry) {
        configuration = NATSConfiguration()
        self.telemetry = telemetry
        substitute = jetStream
        tailKeepExchange = TailKeepExchange(telemetry: telemetry)
        server = [:]
    }

    /// Whether the connection is up now.
    public var isConnected: Bool {
        if substitute != nil { return true }
        return state.withLock { state in
            if case .connected(let connection) = state { connection.status == .connected } else { false }
        }
    }

    /// What the connection has counted, and where it is in its life.
    private var statistics: (state: NATSConnection.Status, counters: NATSConnectionStatistics?) {
        state.withLock { state in
            switch state {
            case .connecting: (.connecting, nil)
            case .closed: (.closed, nil)
            case .connected(let connection): (connection.status, connection.statistics)
            }
        }
    }

    /// Throws while the connection is not up: the check of `/readyz`.
    public func check() async throws {
        if substitute != nil { return }
        let problem: String? = state.withLock { state in
            switch state {
            case .connecting: "not connected yet"
            case .closed: "closed"
            case .connected(let connection):
                connection.status == .connected ? nil : connection.status.rawValue
            }
        }
        if let problem { throw BrokerUnavailable(reason: problem) }
    }

    /// Connects and stays connected until the shutdown or until the task is cancelled.
    ///
    /// - Throws: What can never work, such as refused credentials.
    public func run() async throws {
        guard substitute == nil else {
            try? await stop.wait()
            return
        }
        let connection: NATSConnection
        do {
            guard let connected = try await connectUnlessStopped() else {
                for waiter in close() { waiter.resume(throwing: BrokerUnavailable(reason: "closed")) }
                return
            }
            connection = connected
        } catch {
            for waiter in close() { waiter.resume(throwing: error) }
            throw error
        }
        let waiters = state.withLock { state -> [CheckedContinuation<NATSConnection, any Error>] in
            guard case .connecting(let waiters) = state else { return [] }
            state = .connected(connection)
            return Array(waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: connection) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [tailKeepExchange] in await tailKeepExchange.run(on: connection) }
            // Cancellation is a stop too, and the connection is closed in order all the same.
            try? await stop.wait()
            group.cancelAll()
        }
        for waiter in close() { waiter.resume(throwing: BrokerUnavailable(reason: "closed")) }
        await connection.shutdown()
    }

    /// Makes ``run()`` send what is buffered, close and return.
    public func beginShutdown() {
        stop.open()
    }

    /// JetStream, once there is a connection.
    ///
    /// - Throws: As ``connection()``.
    func jetStream() async throws -> any JetStreamBroker {
        if let substitute { return substitute }
        return JetStreamContext(try await connection())
    }

    /// The connection, once there is one.
    ///
    /// - Throws: ``BrokerUnavailable`` when it is closed, `CancellationError` when the task is cancelled first.
    func connection() async throws -> NATSConnection {
        let id = UUID()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known: Result<NATSConnection, any Error>? = state.withLock { state in
                    switch state {
                    case .connected(let connection): return .success(connection)
                    case .closed: return .failure(BrokerUnavailable(reason: "closed"))
                    case .connecting(var waiters):
                        if Task.isCancelled { return .failure(CancellationError()) }
                        waiters[id] = continuation
                        state = .connecting(waiters: waiters)
                        return nil
                    }
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<NATSConnection, any Error>? in
                guard case .connecting(var waiters) = state else { return nil }
                let waiter = waiters.removeValue(forKey: id)
                state = .connecting(waiters: waiters)
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    /// Connects, unless the shutdown begins first.
    private func connectUnlessStopped() async throws -> NATSConnection? {
        try await withThrowingTaskGroup(of: NATSConnection?.self) { group in
            group.addTask { [configuration, telemetry] in
                try await NATSConnection.connect(configuration, logger: telemetry.logger)
            }
            group.addTask { [stop] in
                try await stop.wait()
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private func close() -> [CheckedContinuation<NATSConnection, any Error>] {
        state.withLock { state in
            defer { state = .closed }
            guard case .connecting(let waiters) = state else { return [] }
            return Array(waiters.values)
        }
    }

    private static func serverAttributes(_ url: String) -> Attributes {
        // nats://user:password@host:port — only host and port may appear anywhere.
        let authority = url.split(separator: "/").last ?? ""
        let address = authority.split(separator: "@").last ?? ""
        guard let parsed = NetworkAddress(String(address)) ?? NetworkAddress("\(address):4222") else { return [:] }
        return [
            SemanticConventions.serverAddress: .string(parsed.host),
            SemanticConventions.serverPort: .int(parsed.port),
        ]
    }
}

/// NATS is away.
public struct BrokerUnavailable: Error, Sendable, CustomStringConvertible {
    /// What is known about it.
    public let reason: String

    /// What is known about it.
    public var description: String { reason }
}
