internal import Synchronization

/// A bounded queue of records with many producers and one consumer, which nobody waits for.
///
/// Dmitry Vyukov's array queue: a slot's sequence says whose turn it is, and one exchange of the tail claims it.
///
/// `@unchecked Sendable`: a slot's record is written by the producer that claimed it and read by the consumer after
/// the sequence says that it is complete; the memory lives as long as the ring.
final class SpanRing: @unchecked Sendable {
    /// What became of a record.
    enum Push {
        /// It waits; so do this many, with it.
        case accepted(pending: Int)
        case full
        case closed
    }

    private struct Slot: ~Copyable {
        let sequence: Atomic<Int>
        var record: Unmanaged<SpanRecord>?
    }

    /// Set in the tail when nothing may come any more.
    private static let closedBit = 1 << 62

    /// The most records that may wait.
    let capacity: Int
    private let mask: Int
    private let slots: UnsafeMutablePointer<Slot>
    private let tail = Atomic<Int>(0)
    private let head = Atomic<Int>(0)

    init(capacity: Int) {
        self.capacity = capacity
        var size = 1
        while size < capacity { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        for index in 0..<size { (slots + index).initialize(to: Slot(sequence: Atomic(index), record: nil)) }
    }

    deinit {
        while pop() != nil {}
        slots.deinitialize(count: mask + 1)
        slots.deallocate()
    }

    /// How many records have been accepted so far.
    var accepted: Int { tail.load(ordering: .sequentiallyConsistent) & ~Self.closedBit }

    /// How many records have been taken out so far. Read it before ``accepted``.
    var taken: Int { head.load(ordering: .acquiring) }

    /// Adds a record, or says why not.
    @inline(__always)
    func push(_ record: SpanRecord) -> Push {
        var position = tail.load(ordering: .relaxed)
        while true {
            guard position & Self.closedBit == 0 else { return .closed }
            let pending = position - head.load(ordering: .relaxed)
            guard pending < capacity else { return .full }
            let slot = slots + (position & mask)
            guard slot.pointee.sequence.load(ordering: .acquiring) == position else {
                // Somebody else was quicker, or the consumer is just leaving the slot.
                position = tail.load(ordering: .relaxed)
                continue
            }
            let (exchanged, original) = tail.compareExchange(
                expected: position,
                desired: position + 1,
                ordering: .sequentiallyConsistent
            )
            guard exchanged else {
                position = original
                continue
            }
            slot.pointee.record = .passRetained(record)
            slot.pointee.sequence.store(position + 1, ordering: .releasing)
            return .accepted(pending: pending + 1)
        }
    }

    /// Refuses what comes from now on; what was accepted stays.
    func close() {
        _ = tail.bitwiseOr(Self.closedBit, ordering: .sequentiallyConsistent)
    }

    /// Takes the oldest record out. Only for the consumer.
    func pop() -> SpanRecord? {
        let position = head.load(ordering: .relaxed)
        guard position < accepted else { return nil }
        let slot = slots + (position & mask)
        // Claimed, so its producer is about to fill it.
        while slot.pointee.sequence.load(ordering: .acquiring) != position + 1 { yieldThread() }
        let record = slot.pointee.record?.takeRetainedValue()
        slot.pointee.record = nil
        slot.pointee.sequence.store(position + mask + 1, ordering: .releasing)
        head.store(position + 1, ordering: .releasing)
        return record
    }
}
