internal import Synchronization

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// 64-bit words that many threads add to, spread over cells so that a thread mostly has one to itself.
///
/// A cell belongs to the first thread that asks for it, and only that thread writes to it: by a plain load and a plain
/// store, which cost a fraction of an atomic addition and are never contended. A series starts with one such cell and
/// one that all other threads share by atomic additions; only when those come often does it get a table of more cells.
/// A total is the sum over all cells. Nothing is ever moved or taken back, so the sums of monotonic words only rise.
///
/// Why a plain store is enough: a cell belongs to a ``ThreadRecord``, which one running thread has at a time, and which
/// changes hands under a lock.
struct StripedCells: ~Copyable, @unchecked Sendable {
    // Unchecked because of the pointers: they lead to atomics only, which live until `deinit`.
    typealias Word = Atomic<UInt64>
    typealias Cell = UnsafeMutablePointer<Word>
    /// A ``ThreadRecord``; nobody's until somebody claims the cell, and then never changed. Records live for ever.
    private typealias Owner = Atomic<UnsafeRawPointer>

    /// How often other threads may come to the shared cell before the series gets a table.
    private static let patience: UInt64 = 512
    /// How many cells of the table a thread looks at.
    private static let probes = 4
    private static let lineBytes = 64
    /// 2 for each processor, so that few threads meet; a power of two.
    private static let tableCells: Int = {
        let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return processors <= 4 ? 8 : processors <= 8 ? 16 : 32
    }()

    /// Word 0 of every cell belongs to ``ExemplarStore``'s patience, or counts visits in the shared cell.
    static let firstWord = 1

    private let words: Int
    private let slotMask: Int
    /// From one cell of the table to the next: whole cache lines, so that no two threads write to one.
    private let strideBytes: Int
    /// The owners are on lines of their own, which are only read once every thread has its cell.
    private let ownersBytes: Int
    /// Who owns the first cell.
    private let owner = Owner(ThreadRecord.nobody.pointer)
    private let table = Atomic<UnsafeMutableRawPointer?>(nil)
    /// The cell of the first thread; the one that is shared follows it.
    private let first: Cell

    /// Creates cells of zeros.
    ///
    /// - Parameter words: The words of a cell, without word 0.
    init(words: Int) {
        self.words = words + Self.firstWord
        slotMask = Self.tableCells - 1
        strideBytes = Self.wholeLines(self.words * MemoryLayout<Word>.size)
        ownersBytes = Self.wholeLines(Self.tableCells * MemoryLayout<Word>.size)
        first = Self.allocate(bytes: 2 * self.words * MemoryLayout<Word>.size).assumingMemoryBound(to: Word.self)
    }

    deinit {
        first.deallocate()
        table.load(ordering: .acquiring)?.deallocate()
    }

    /// The cell that is shared by the threads that have none; it is changed by atomic additions only.
    var shared: Cell { first + words }

    /// The first cell, if this thread owns it; otherwise ask ``find()``.
    ///
    /// Callers must not be inlined into asynchronous functions, see ``ThreadRecord/runsHere``.
    @inline(__always)
    var own: Cell? {
        let owner = Unmanaged<ThreadRecord>.fromOpaque(owner.load(ordering: .acquiring))
        return owner._withUnsafeGuaranteedRef { $0.runsHere } ? first : nil
    }

    /// Finds or takes a cell that only this thread writes to; counts how often there is none, and makes a table when
    /// that is often.
    ///
    /// - Returns: `nil` when the thread must use the shared cell.
    @inline(never)
    func find() -> Cell? {
        guard let record = ThreadRecord.current else { return nil }
        if isOwner(record, of: owner) { return first }
        guard let table = table.load(ordering: .acquiring) ?? grow() else { return nil }
        for probe in 0..<Self.probes {
            let slot = (record.number &+ probe) & slotMask
            if isOwner(record, of: owners(table)[slot]) { return cell(table, slot) }
        }
        countVisit()
        return nil
    }

    /// Calls a body with each cell in turn; what it does is inlined.
    @inline(__always)
    func visit(_ body: (Cell) -> Void) {
        body(first)
        body(shared)
        guard let table = table.load(ordering: .acquiring) else { return }
        let nobody = ThreadRecord.nobody.pointer
        for slot in 0...slotMask where owners(table)[slot].load(ordering: .relaxed) != nobody {
            body(cell(table, slot))
        }
    }

    /// The sum of one word over all cells.
    @inline(__always)
    func sum(_ word: Int) -> UInt64 {
        var sum: UInt64 = 0
        visit { sum &+= $0[word].load(ordering: .relaxed) }
        return sum
    }

    /// The sum of one word, which holds a `Double`'s bits, over all cells.
    ///
    /// Acquiring: who reads a word afterwards sees what was written to it before the sum.
    @inline(__always)
    func doubleSum(_ word: Int) -> Double {
        var sum = 0.0
        visit { sum += Double(bitPattern: $0[word].load(ordering: .acquiring)) }
        return sum
    }

    private func grow() -> UnsafeMutableRawPointer? {
        guard countVisit() > Self.patience else { return nil }
        let new = Self.allocate(bytes: ownersBytes + (slotMask + 1) * strideBytes)
        for slot in 0...slotMask { (owners(new) + slot).initialize(to: Owner(ThreadRecord.nobody.pointer)) }
        let (isOurs, current) = table.compareExchange(
            expected: nil,
            desired: new,
            successOrdering: .releasing,
            failureOrdering: .acquiring
        )
        if isOurs { return new }
        new.deallocate()
        return current
    }

    /// Not exact when threads meet, which is good enough for what it decides.
    @discardableResult
    private func countVisit() -> UInt64 {
        let visits = shared[0].load(ordering: .relaxed) &+ 1
        shared[0].store(visits, ordering: .relaxed)
        return visits
    }

    /// Whether a thread owns a cell, or has become the owner of one that had none.
    @inline(__always)
    private func isOwner(_ record: ThreadRecord, of owner: borrowing Owner) -> Bool {
        let pointer = record.pointer
        let current = owner.load(ordering: .relaxed)
        if current == pointer { return true }
        guard current == ThreadRecord.nobody.pointer else { return false }
        return owner.compareExchange(expected: current, desired: pointer, ordering: .acquiringAndReleasing).exchanged
    }

    @inline(__always)
    private func owners(_ table: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Owner> {
        table.assumingMemoryBound(to: Owner.self)
    }

    @inline(__always)
    private func cell(_ table: UnsafeMutableRawPointer, _ slot: Int) -> Cell {
        (table + (ownersBytes &+ slot &* strideBytes)).assumingMemoryBound(to: Word.self)
    }

    private static func wholeLines(_ bytes: Int) -> Int {
        (bytes + lineBytes - 1) / lineBytes * lineBytes
    }

    /// Memory of zeros, which is what an atomic zero is, on cache lines of its own.
    private static func allocate(bytes: Int) -> UnsafeMutableRawPointer {
        let size = wholeLines(bytes)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: lineBytes)
        memory.initializeMemory(as: UInt64.self, repeating: 0, count: size / MemoryLayout<UInt64>.size)
        return memory
    }
}

extension ThreadRecord {
    fileprivate var pointer: UnsafeRawPointer { UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) }
}

extension Atomic<UInt64> {
    /// Adds without contention: only for a word that no other thread writes to.
    @inline(__always)
    func addAsOwner(_ amount: UInt64) {
        store(load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Adds to the `Double` whose bit pattern this is: only for a word that no other thread writes to.
    ///
    /// Releasing, so that whoever reads the new sum with an acquiring load sees what was counted before it.
    @inline(__always)
    func addDoubleAsOwner(_ amount: Double) {
        store((Double(bitPattern: load(ordering: .relaxed)) + amount).bitPattern, ordering: .releasing)
    }

    /// Adds to the `Double` whose bit pattern this is, releasing as above.
    @inline(__always)
    func addDouble(_ amount: Double) {
        var current = load(ordering: .relaxed)
        while true {
            let (exchanged, original) = weakCompareExchange(
                expected: current,
                desired: (Double(bitPattern: current) + amount).bitPattern,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if exchanged { return }
            current = original
        }
    }
}
