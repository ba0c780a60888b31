/// The prepared statements of one session, the least recently used of which makes room for a new one.
struct StatementCache {
    /// What a prepared statement is: the same text with other types is another one.
    struct Key: Hashable, Sendable {
        var sql: String
        var types: [UInt32]
    }

    private struct Entry {
        var name: String
        var lastUse: UInt64
    }

    private var entries: [Key: Entry] = [:]
    private var clock: UInt64 = 0
    private var nextName: UInt64 = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { entries.count }

    /// The name of a prepared statement.
    mutating func name(of key: Key) -> String? {
        clock += 1
        guard let index = entries.index(forKey: key) else { return nil }
        entries.values[index].lastUse = clock
        return entries.values[index].name
    }

    /// A name that no statement of the session has had.
    mutating func newName() -> String {
        nextName += 1
        return "s\(nextName)"
    }

    /// The statement that is to go before another one is added, if any.
    func victim() -> (key: Key, name: String)? {
        guard entries.count >= capacity else { return nil }
        return entries.min { $0.value.lastUse < $1.value.lastUse }.map { ($0.key, $0.value.name) }
    }

    mutating func insert(_ key: Key, name: String) {
        entries[key] = Entry(name: name, lastUse: clock)
    }

    mutating func remove(_ key: Key) {
        entries[key] = nil
    }

    mutating func removeAll() {
        entries = [:]
    }
}
