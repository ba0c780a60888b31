internal import Synchronization

/// Finds the series of label values without a lock.
///
/// A hash table with linear probing that only grows: what a reader has found stays valid, and tables that were
/// outgrown are kept until the index goes, which at most doubles the memory. Writers must exclude one another.
struct SeriesIndex<Instrument: AnyObject & Sendable>: ~Copyable, @unchecked Sendable {
    // Unchecked because of the pointers: a slot is written once, before its entry is published, and entries are
    // immutable and retained until `deinit`.
    final class Entry: Sendable {
        let key: [String]
        let instrument: Instrument

        init(key: [String], instrument: Instrument) {
            self.key = key
            self.instrument = instrument
        }
    }

    private struct Slot: ~Copyable {
        let hash = Atomic<UInt64>(0)
        /// Published last.
        let entry = Atomic<UnsafeRawPointer?>(nil)
    }

    // Unchecked because of the pointer, as above.
    private final class Table: @unchecked Sendable {
        let slots: UnsafeMutablePointer<Slot>
        let mask: Int
        let previous: Table?

        init(capacity: Int, previous: Table?) {
            slots = .allocate(capacity: capacity)
            for index in 0..<capacity { (slots + index).initialize(to: Slot()) }
            mask = capacity - 1
            self.previous = previous
        }

        deinit {
            slots.deinitialize(count: mask + 1)
            slots.deallocate()
        }
    }

    private static var firstCapacity: Int { 8 }

    let seed = UInt64.random(in: .min ... .max)
    /// An unmanaged ``Table``; retained by the index.
    private let table: Atomic<UnsafeRawPointer>

    init() {
        table = Atomic(Self.retain(Table(capacity: Self.firstCapacity, previous: nil)))
    }

    deinit {
        let last = Unmanaged<Table>.fromOpaque(table.load(ordering: .acquiring))
        let slots = last.takeUnretainedValue()
        for index in 0...slots.mask {
            guard let entry = slots.slots[index].entry.load(ordering: .acquiring) else { continue }
            Unmanaged<Entry>.fromOpaque(entry).release()
        }
        last.release()
    }

    /// The instrument of a hash whose key is the right one.
    @inline(__always)
    func find(_ hash: UInt64, where isMatch: ([String]) -> Bool) -> Instrument? {
        Unmanaged<Table>.fromOpaque(table.load(ordering: .acquiring))._withUnsafeGuaranteedRef { table in
            var index = Int(truncatingIfNeeded: hash) & table.mask
            while let entry = table.slots[index].entry.load(ordering: .acquiring) {
                if table.slots[index].hash.load(ordering: .relaxed) == hash {
                    let found = Unmanaged<Entry>.fromOpaque(entry)._withUnsafeGuaranteedRef { entry in
                        isMatch(entry.key) ? entry.instrument : nil
                    }
                    if let found { return found }
                }
                index = (index + 1) & table.mask
            }
            return nil
        }
    }

    /// Adds a series that is not there yet. Not for two threads at once.
    ///
    /// - Parameter count: How many there are already.
    func insert(_ hash: UInt64, _ entry: Entry, count: Int) {
        let current = Unmanaged<Table>.fromOpaque(table.load(ordering: .acquiring))
        let old = current.takeUnretainedValue()
        let pointer = UnsafeRawPointer(Unmanaged.passRetained(entry).toOpaque())
        // Half full at most, so that searches end soon.
        guard (count + 1) * 2 > old.mask + 1 else { return Self.put(hash, pointer, in: old) }
        let new = Table(capacity: (old.mask + 1) * 2, previous: old)
        for index in 0...old.mask {
            guard let entry = old.slots[index].entry.load(ordering: .relaxed) else { continue }
            Self.put(old.slots[index].hash.load(ordering: .relaxed), entry, in: new)
        }
        Self.put(hash, pointer, in: new)
        table.store(Self.retain(new), ordering: .releasing)
        // The new table keeps the old one.
        current.release()
    }

    private static func put(_ hash: UInt64, _ entry: UnsafeRawPointer, in table: Table) {
        var index = Int(truncatingIfNeeded: hash) & table.mask
        while table.slots[index].entry.load(ordering: .relaxed) != nil { index = (index + 1) & table.mask }
        table.slots[index].hash.store(hash, ordering: .relaxed)
        table.slots[index].entry.store(entry, ordering: .releasing)
    }

    private static func retain(_ table: Table) -> UnsafeRawPointer {
        UnsafeRawPointer(Unmanaged.passRetained(table).toOpaque())
    }
}
