/// Who is in and who waits, first come, first served; without a lock of its own.
struct BulkheadState<Waiter> {
    let maximumConcurrent: Int
    let maximumQueued: Int
    private(set) var inFlight = 0
    private(set) var rejected: UInt64 = 0
    /// By ascending number, the oldest at `head`; what is before `head` has been let in and is removed now and then.
    private var queue: [(number: UInt64, waiter: Waiter?)] = []
    private var head = 0
    private var lastNumber: UInt64 = 0

    init(maximumConcurrent: Int, maximumQueued: Int) {
        self.maximumConcurrent = max(1, maximumConcurrent)
        self.maximumQueued = max(0, maximumQueued)
    }

    var queued: Int { queue.count - head }
    var isQueueFull: Bool { queued >= maximumQueued }

    /// Lets somebody in if there is room; nobody can wait while there is.
    mutating func enter() -> Bool {
        guard inFlight < maximumConcurrent else { return false }
        inFlight += 1
        return true
    }

    /// A number for somebody who will wait.
    mutating func takeNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    mutating func enqueue(_ waiter: Waiter, number: UInt64) {
        // Numbers are taken before the lock is taken again, so two may come in the other order.
        var index = queue.count
        while index > head, queue[index - 1].number > number { index -= 1 }
        queue.insert((number, waiter), at: index)
    }

    /// Removes somebody who does not want to wait any more; nil when he has been let in.
    mutating func remove(_ number: UInt64) -> Waiter? {
        guard let index = queue[head...].firstIndex(where: { $0.number == number }) else { return nil }
        return queue.remove(at: index).waiter
    }

    /// Somebody has left: the one who has waited longest takes the place.
    mutating func leave() -> Waiter? {
        guard head < queue.count else {
            inFlight -= 1
            return nil
        }
        defer {
            head += 1
            if head > queue.count / 2 {
                queue.removeFirst(head)
                head = 0
            }
        }
        let waiter = queue[head].waiter
        queue[head].waiter = nil
        return waiter
    }

    mutating func reject() {
        rejected += 1
    }
}
