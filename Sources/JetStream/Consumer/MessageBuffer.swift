/// A queue of messages that is emptied from the front.
struct MessageBuffer {
    private var messages: [JetStreamMessage?] = []
    private var head = 0

    var count: Int { messages.count - head }

    mutating func append(_ message: JetStreamMessage) {
        messages.append(message)
    }

    mutating func popFirst() -> JetStreamMessage? {
        guard head < messages.count else { return nil }
        defer {
            messages[head] = nil
            head += 1
            if head == messages.count {
                messages.removeAll(keepingCapacity: true)
                head = 0
            } else if head >= 256, head * 2 >= messages.count {
                messages.removeFirst(head)
                head = 0
            }
        }
        return messages[head]
    }

    mutating func takeAll() -> [JetStreamMessage] {
        defer {
            messages.removeAll()
            head = 0
        }
        return messages[head...].compactMap(\.self)
    }
}
