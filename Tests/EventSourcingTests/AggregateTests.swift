import EventSourcing
import Foundation
import Testing

@Suite("Aggregate")
struct AggregateTests {
    private func recorded(_ version: Int, adding number: UInt8, type: String = "counter.added") -> RecordedEvent {
        RecordedEvent(
            id: UUID(),
            stream: "counter-1",
            recording: EventRecording(version: version, recordedAt: UInt64(version) * 10),
            event: EncodedEvent(type: type, schemaVersion: 1, payload: [number]),
            headers: [:]
        )
    }

    @Test("an aggregate without events does not exist yet")
    func empty() throws {
        var counter = Versioned<Counter>()
        try counter.apply([])
        #expect(counter.version == 0)
        #expect(counter.state.sum == 0)
    }

    @Test("the state is the fold of its events, with where and when they were recorded")
    func fold() throws {
        var counter = Versioned<Counter>()
        try counter.apply([recorded(1, adding: 5), recorded(2, adding: 7)])
        try counter.apply([recorded(3, adding: 1)])
        #expect(counter.version == 3)
        #expect(counter.state.sum == 13)
        #expect(counter.state.recordings.map(\.version) == [1, 2, 3])
        #expect(counter.state.recordings.map(\.recordedAt) == [10, 20, 30])
    }

    @Test("folding in parts gives what folding at once gives")
    func parts() throws {
        let events = (1...50).map { recorded($0, adding: UInt8($0)) }
        var whole = Versioned<Counter>()
        try whole.apply(events)
        for split in 0...50 {
            var parts = Versioned<Counter>()
            try parts.apply(Array(events[..<split]))
            try parts.apply(Array(events[split...]))
            #expect(parts.version == whole.version)
            #expect(parts.state.sum == whole.state.sum)
        }
    }

    @Test(
        "a stream that lacks, repeats or swaps versions is refused",
        arguments: [[2], [1, 3], [1, 1], [2, 1], [0], [1, 2, 4]]
    )
    func broken(versions: [Int]) throws {
        var counter = Versioned<Counter>()
        let error = #expect(throws: EventStoreError.self) {
            try counter.apply(versions.map { recorded($0, adding: 1) })
        }
        #expect(error?.code == .brokenStream)
        #expect(error?.description.contains("counter-1") == true)
    }

    @Test("an unknown event is refused and not skipped")
    func unknown() throws {
        var counter = Versioned<Counter>()
        let error = #expect(throws: EventStoreError.self) {
            try counter.apply([recorded(1, adding: 1), recorded(2, adding: 1, type: "counter.removed")])
        }
        #expect(error?.code == .undecodableEvent)
        #expect(counter.version == 1)
    }
}
