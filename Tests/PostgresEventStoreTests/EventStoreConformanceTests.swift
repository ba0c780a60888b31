import EventSourcing
import Foundation
import PostgresEventStore
import Testing

/// What every event store must do. Each test runs on both implementations.
@Suite("Event store", .postgres)
struct EventStoreConformanceTests {
    enum Implementation: String, CaseIterable, CustomTestStringConvertible, Sendable {
        case inMemory = "in memory"
        case postgres = "PostgreSQL"

        var testDescription: String { rawValue }

        func withStore(_ body: (any EventStore) async throws -> Void) async throws {
            switch self {
            case .inMemory: try await body(InMemoryEventStore())
            case .postgres:
                try await TestDatabase().withPool { pool in try await body(PostgresEventStore(pool: pool)) }
            }
        }
    }

    private func event(_ number: Int, headers: [String: String] = [:]) -> NewEvent {
        NewEvent(
            event: EncodedEvent(type: "thing.happened", schemaVersion: 1, payload: Array("\(number)".utf8)),
            headers: headers
        )
    }

    private func code(_ body: () async throws -> Void) async -> EventStoreError.Code? {
        await #expect(throws: EventStoreError.self) { try await body() }?.code
    }

    @Test("a stream without events is empty", arguments: Implementation.allCases)
    func empty(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            #expect(try await store.read("none", after: 0) == [])
            #expect(try await store.read("none", after: 7) == [])
            #expect(try await store.stream(ofCommand: "none") == nil)
        }
    }

    @Test("what is appended is read in version order, as it was recorded", arguments: Implementation.allCases)
    func appendAndRead(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            let before = UInt64(Date.now.timeIntervalSince1970 * 1e9)
            let events = (1...5).map { event($0) }
            let first = try await store.append(Array(events[..<2]), to: "s", expectedVersion: 0, commandID: "a")
            let second = try await store.append(Array(events[2...]), to: "s", expectedVersion: 2, commandID: nil)
            let recorded = first + second
            #expect(recorded.map(\.recording.version) == [1, 2, 3, 4, 5])
            #expect(recorded.map(\.id) == events.map(\.id))
            #expect(recorded.map(\.event) == events.map(\.event))
            #expect(recorded.allSatisfy { $0.stream == "s" })
            // A microsecond is what PostgreSQL keeps.
            #expect(recorded.allSatisfy { $0.recording.recordedAt >= before - 1_000_000 })
            #expect(recorded.allSatisfy { $0.recording.recordedAt < before + 600_000_000_000 })
            #expect(try await store.read("s", after: 0) == recorded)
        }
    }

    @Test("a stream is read after a version", arguments: Implementation.allCases)
    func readAfter(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            let recorded = try await store.append(
                (1...5).map { event($0) },
                to: "s",
                expectedVersion: 0,
                commandID: nil
            )
            #expect(try await store.read("s", after: 3) == Array(recorded[3...]))
            #expect(try await store.read("s", after: 5) == [])
            #expect(try await store.read("s", after: 50) == [])
        }
    }

    @Test("streams do not see one another", arguments: Implementation.allCases)
    func streams(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            _ = try await store.append([event(1)], to: "a", expectedVersion: 0, commandID: nil)
            _ = try await store.append([event(2), event(3)], to: "b", expectedVersion: 0, commandID: nil)
            #expect(try await store.read("a", after: 0).count == 1)
            #expect(try await store.read("b", after: 0).count == 2)
        }
    }

    @Test("an expected version that is too low or too high records nothing", arguments: Implementation.allCases)
    func versionConflict(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            let recorded = try await store.append([event(1), event(2)], to: "s", expectedVersion: 0, commandID: nil)
            for expected in [0, 1, 3, 100] {
                let code = await code {
                    _ = try await store.append(
                        [event(3), event(4)],
                        to: "s",
                        expectedVersion: expected,
                        commandID: "k"
                    )
                }
                #expect(code == .versionConflict, "expected \(expected)")
            }
            let code = await code {
                _ = try await store.append([event(1)], to: "new", expectedVersion: 1, commandID: nil)
            }
            #expect(code == .versionConflict)
            #expect(try await store.read("s", after: 0) == recorded)
            #expect(try await store.read("new", after: 0) == [])
            // A refused append does not use its command's key up.
            #expect(try await store.stream(ofCommand: "k") == nil)
            _ = try await store.append([event(3)], to: "s", expectedVersion: 2, commandID: "k")
            #expect(try await store.stream(ofCommand: "k") == "s")
        }
    }

    @Test("a command is executed once over all streams", arguments: Implementation.allCases)
    func duplicateCommand(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            _ = try await store.append([event(1), event(2)], to: "s", expectedVersion: 0, commandID: "k")
            for (stream, version) in [("s", 2), ("other", 0)] {
                let code = await code {
                    _ = try await store.append(
                        [event(3), event(4)],
                        to: stream,
                        expectedVersion: version,
                        commandID: "k"
                    )
                }
                #expect(code == .duplicateCommand, "\(stream)")
            }
            #expect(try await store.read("s", after: 0).count == 2)
            #expect(try await store.read("other", after: 0) == [])
            #expect(try await store.stream(ofCommand: "k") == "s")
            // Without keys, equal appends are different ones.
            _ = try await store.append([event(3)], to: "s", expectedVersion: 2, commandID: nil)
            _ = try await store.append([event(3)], to: "s", expectedVersion: 3, commandID: nil)
            #expect(try await store.read("s", after: 0).count == 4)
        }
    }

    @Test("of 64 writers one wins each version", arguments: Implementation.allCases)
    func concurrentWriters(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            var conflicts = 0
            for version in 0..<4 {
                let winners = try await withThrowingTaskGroup(of: [RecordedEvent]?.self) { group in
                    for writer in 0..<64 {
                        group.addTask {
                            do {
                                return try await store.append(
                                    [self.event(writer), self.event(writer)],
                                    to: "s",
                                    expectedVersion: version * 2,
                                    commandID: "\(version) \(writer)"
                                )
                            } catch let error as EventStoreError where error.code == .versionConflict {
                                return nil
                            }
                        }
                    }
                    return try await group.reduce(into: [[RecordedEvent]]()) { winners, recorded in
                        if let recorded { winners.append(recorded) } else { conflicts += 1 }
                    }
                }
                #expect(winners.count == 1)
                #expect(try await store.read("s", after: version * 2) == winners.first)
            }
            #expect(conflicts == 4 * 63)
            #expect(try await store.read("s", after: 0).map(\.recording.version) == Array(1...8))
        }
    }

    @Test("of many executions of one command at a time one wins", arguments: Implementation.allCases)
    func concurrentCommand(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            let winners = try await withThrowingTaskGroup(of: String?.self) { group in
                for writer in 0..<32 {
                    group.addTask {
                        do {
                            let stream = "stream \(writer)"
                            _ = try await store.append(
                                [self.event(writer)],
                                to: stream,
                                expectedVersion: 0,
                                commandID: "k"
                            )
                            return stream
                        } catch let error as EventStoreError where error.code == .duplicateCommand {
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: [String]()) { winners, stream in
                    if let stream { winners.append(stream) }
                }
            }
            #expect(winners.count == 1)
            #expect(try await store.stream(ofCommand: "k") == winners.first)
        }
    }

    @Test("payload bytes, headers and texts of any language are kept", arguments: Implementation.allCases)
    func content(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            let texts = ["", "é", "e\u{301}", "日本語", "🇩🇪👩‍👩‍👧", "\"\\'{}[],\n\t", "a=b; c", "NULL", "$1", "%20"]
            let headers = Dictionary(uniqueKeysWithValues: texts.enumerated().map { ("key \($0) \($1)", $1) })
            let payloads: [[UInt8]] = [[], [0], Array(0...255), Array(repeating: 0xFF, count: 200_000)]
            let events = payloads.map {
                NewEvent(
                    event: EncodedEvent(type: "thing.geändert", schemaVersion: 1_000_000, payload: $0),
                    headers: headers
                )
            }
            let stream = "ström 🦆 \"'\\"
            let command = "köy 🦆 '"
            let recorded = try await store.append(events, to: stream, expectedVersion: 0, commandID: command)
            let read = try await store.read(stream, after: 0)
            #expect(read == recorded)
            #expect(read.map(\.event) == events.map(\.event))
            #expect(read.allSatisfy { $0.headers == headers })
            #expect(read.allSatisfy { $0.stream == stream })
            #expect(try await store.stream(ofCommand: command) == stream)
        }
    }

    @Test("many events are appended at once, in order", arguments: Implementation.allCases)
    func many(implementation: Implementation) async throws {
        try await implementation.withStore { store async throws in
            let events = (1...1_000).map { event($0) }
            _ = try await store.append(events, to: "s", expectedVersion: 0, commandID: "k")
            let read = try await store.read("s", after: 0)
            #expect(read.map(\.id) == events.map(\.id))
            #expect(read.map(\.recording.version) == Array(1...1_000))
        }
    }
}
