import EventSourcing
import Foundation
import LocalStack
import Postgres
import PostgresEventStore
import TestKit
import Testing

/// The server is killed here, so this suite has one of its own.
@Suite("Outbox relay and a PostgreSQL that dies", .postgres, .serialized)
struct OutboxRelayFaultTests {
    @Test("nothing that was acknowledged is lost, nothing else is published, and order is kept")
    func crashes() async throws {
        let database = try await TestDatabase()
        try await database.withPool { pool in
            let publisher = ScriptedPublisher { _ in try await Task.sleep(for: .milliseconds(1)) }
            var configuration = OutboxRelay.Configuration()
            configuration.pollInterval = .milliseconds(10)
            let relay = OutboxRelay(
                pool: pool,
                configuration: configuration,
                logger: .none,
                publish: publisher.publish()
            )
            let streams = (0..<8).map { "s\($0)" }
            var failures = 0
            let acknowledged = try await withThrowingTaskGroup(of: [String: Set<UUID>].self) { group in
                group.addTask {
                    try await relay.run()
                    return [:]
                }
                let crashes = 3
                let writers = Writers()
                for stream in streams {
                    group.addTask {
                        [
                            stream: try await write(
                                to: stream,
                                PostgresEventStore(pool: pool) { _ in relay.nudge() },
                                writers
                            )
                        ]
                    }
                }
                for crash in 1...crashes {
                    let count = publisher.accepted.count
                    #expect(await eventually { publisher.accepted.count > count + 50 }, "crash \(crash)")
                    await database.server.kill()
                    #expect(await eventually { !relay.isActive }, "crash \(crash)")
                    try await database.server.restart()
                    #expect(await eventually { relay.isActive }, "crash \(crash)")
                }
                writers.stop()
                var acknowledged: [String: Set<UUID>] = [:]
                for _ in streams {
                    for (stream, ids) in try await group.next() ?? [:] { acknowledged[stream] = ids }
                }
                failures = writers.failures
                #expect(try await eventually { try await pool.count("SELECT count(*) FROM outbox") == 0 })
                relay.beginShutdown()
                try await group.waitForAll()
                return acknowledged
            }

            // The faults happened: commands failed in each crash.
            #expect(failures >= 3)
            let store = PostgresEventStore(pool: pool)
            for stream in streams {
                let recorded = try await store.read(stream, after: 0)
                #expect(recorded.map(\.recording.version) == Array(1...recorded.count))
                #expect(acknowledged[stream, default: []].isSubset(of: recorded.map(\.id)))
                let published = publisher.accepted.filter { $0.aggregate == stream }
                // A publication may come twice: the delete after it can be lost. The first ones are in order.
                var seen: Set<UUID> = []
                let first = published.filter { seen.insert($0.id).inserted }
                #expect(first.map(\.id) == recorded.map(\.id))
            }
        }
    }

    /// Appends until it is told to stop; an append that fails has an unknown outcome, so the stream is read again.
    ///
    /// - Returns: The events that were acknowledged.
    private func write(to stream: String, _ store: PostgresEventStore, _ writers: Writers) async throws -> Set<UUID> {
        var acknowledged: Set<UUID> = []
        var version: Int?
        while writers.goOn {
            do {
                let current: Int
                if let version { current = version } else { current = try await store.read(stream, after: 0).count }
                let event = NewEvent(event: EncodedEvent(type: "thing.happened", schemaVersion: 1, payload: []))
                let recorded = try await store.append([event], to: stream, expectedVersion: current, commandID: nil)
                acknowledged.formUnion(recorded.map(\.id))
                version = current + 1
            } catch {
                writers.failed()
                version = nil
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        return acknowledged
    }
}
