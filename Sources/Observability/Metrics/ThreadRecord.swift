internal import Synchronization

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// One running thread: where its stack is, and a number.
///
/// Counting without contention asks with every increment whether a cell belongs to the thread that runs, and the answer
/// must not cost a function call. Here it is a comparison: a local variable's address lies in the stack of the thread
/// that runs, and the stacks of running threads do not overlap. A record forgets its stack before its thread ends, so
/// that another stack in the same memory is not mistaken for it. Then the record, and with it what belonged to the
/// thread, goes to the next thread that needs one: records are never freed, and there are never more than there were
/// threads at a time.
final class ThreadRecord: Sendable {
    private static let pageBits: UInt64 = 12
    private static let countBits: UInt64 = 24

    /// Stands for no thread.
    static let nobody = ThreadRecord(number: 0)

    /// Counted from zero, so that few threads have small numbers.
    let number: Int
    /// The number of the stack's first page, and in the low 24 bits how many pages it has. One word, so that nobody
    /// sees one thread's beginning and another's size.
    private let stack = Atomic<UInt64>(0)

    fileprivate init(number: Int) {
        self.number = number
    }

    /// Whether the code that asks runs in this thread. `false` is also the answer on a stack that is not the thread's
    /// own, such as a coroutine's; ``current`` is always right.
    ///
    /// Callers must not be inlined into asynchronous functions (`@inline(never)`): those may go on in another thread
    /// after an `await`, while the compiler takes the address of a variable for a constant.
    @inline(__always)
    var runsHere: Bool {
        var local: UInt8 = 0
        let address = _withUnprotectedUnsafeMutablePointer(to: &local) { UInt64(UInt(bitPattern: $0)) }
        let stack = stack.load(ordering: .relaxed)
        return (address >> Self.pageBits) &- (stack >> Self.countBits) < stack & (1 << Self.countBits - 1)
    }

    /// The record of the thread that asks; `nil` when the thread is about to end.
    static var current: ThreadRecord? { ThreadRecords.shared.current }

    fileprivate func takeStack() {
        guard let bounds = StackBounds.current() else { return }
        // Whole pages only: those at the edges could be shared with something else.
        let page = (1 as UInt64) << Self.pageBits
        let first = (UInt64(bounds.lowerBound) + page - 1) >> Self.pageBits
        let end = UInt64(bounds.upperBound) >> Self.pageBits
        guard first < end, end - first < 1 << Self.countBits, end < 1 << (64 - Self.countBits) else { return }
        stack.store(first << Self.countBits | (end - first), ordering: .relaxed)
    }

    fileprivate func forgetStack() {
        stack.store(0, ordering: .relaxed)
    }
}

/// Which thread has which record.
private final class ThreadRecords: Sendable {
    static let shared = ThreadRecords()

    private struct State {
        var count = 0
        var free: [ThreadRecord] = []
    }

    private let key: pthread_key_t?
    /// Locked when a record changes hands, so that the new thread sees what the old one wrote.
    private let state = Mutex(State())

    private init() {
        var key = pthread_key_t()
        // Called in the thread that ends, before its stack is taken apart.
        let status = pthread_key_create(&key) { value in
            #if canImport(Glibc)
            guard let value else { return }
            #endif
            ThreadRecords.shared.threadEnds(Unmanaged<ThreadRecord>.fromOpaque(value).takeUnretainedValue())
        }
        self.key = status == 0 ? key : nil
    }

    var current: ThreadRecord? {
        guard let key else { return nil }
        guard let value = pthread_getspecific(key) else { return register(key) }
        let record = Unmanaged<ThreadRecord>.fromOpaque(value).takeUnretainedValue()
        return record === ThreadRecord.nobody ? nil : record
    }

    @inline(never)
    private func register(_ key: pthread_key_t) -> ThreadRecord? {
        let record = state.withLock { state in
            if let record = state.free.popLast() { return record }
            state.count += 1
            return ThreadRecord(number: state.count - 1)
        }
        // Retained for ever: cells keep bare pointers to it.
        guard pthread_setspecific(key, Unmanaged.passRetained(record).toOpaque()) == 0 else {
            state.withLock { $0.free.append(record) }
            return nil
        }
        record.takeStack()
        return record
    }

    private func threadEnds(_ record: ThreadRecord) {
        guard let key, record !== ThreadRecord.nobody else { return }
        // What other destructors still count, they count as nobody. Only until the next round of destructors: who
        // insists on being in the last one comes after sanitizers have taken their leave.
        pthread_setspecific(key, Unmanaged.passUnretained(ThreadRecord.nobody).toOpaque())
        record.forgetStack()
        state.withLock { $0.free.append(record) }
    }
}

private enum StackBounds {
    /// The memory of the running thread's stack, without guard pages.
    static func current() -> Range<UInt>? {
        #if canImport(Glibc)
        guard let getAttributes else { return nil }
        var attributes = pthread_attr_t()
        guard getAttributes(pthread_self(), &attributes) == 0 else { return nil }
        defer { pthread_attr_destroy(&attributes) }
        var low: UnsafeMutableRawPointer?
        var size = 0
        guard pthread_attr_getstack(&attributes, &low, &size) == 0, let low, size > 0 else { return nil }
        let start = UInt(bitPattern: low)
        return start..<start + UInt(size)
        #else
        let end = UInt(bitPattern: pthread_get_stackaddr_np(pthread_self()))
        return end - UInt(pthread_get_stacksize_np(pthread_self()))..<end
        #endif
    }

    #if canImport(Glibc)
    private typealias GetAttributes = @convention(c) (pthread_t, UnsafeMutablePointer<pthread_attr_t>) -> Int32

    /// `pthread_getattr_np`, which Swift's Glibc module leaves out.
    private static let getAttributes: GetAttributes? = {
        let program = dlopen(nil, RTLD_NOW)  // allowed: this program itself
        let symbol = dlsym(program, "pthread_getattr_np")  // allowed: reads the bounds of a stack
        guard let symbol else { return nil }
        return unsafeBitCast(symbol, to: GetAttributes.self)
    }()
    #endif
}
