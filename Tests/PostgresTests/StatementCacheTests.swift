import Testing

@testable import Postgres

@Suite("Statement cache")
struct StatementCacheTests {
    private func key(_ sql: String, _ types: [UInt32] = []) -> StatementCache.Key {
        .init(sql: sql, types: types)
    }

    @Test("The least recently used statement goes first")
    func leastRecentlyUsed() {
        var cache = StatementCache(capacity: 2)
        for sql in ["a", "b"] {
            #expect(cache.name(of: key(sql)) == nil)
            #expect(cache.victim() == nil)
            cache.insert(key(sql), name: sql)
        }
        #expect(cache.name(of: key("a")) == "a")
        #expect(cache.victim()?.name == "b")
    }

    @Test("The same text with other types is another statement")
    func types() {
        var cache = StatementCache(capacity: 2)
        cache.insert(key("a", [20]), name: "s1")
        #expect(cache.name(of: key("a", [23])) == nil)
    }

    @Test("No name is used twice, also after everything was forgotten")
    func names() {
        var cache = StatementCache(capacity: 2)
        let first = cache.newName()
        cache.removeAll()
        #expect(cache.newName() != first)
    }
}
