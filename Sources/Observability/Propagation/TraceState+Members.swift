extension TraceState {
    /// A member that is longer is the first to go when a header has to become shorter.
    private static let longMember = 128

    /// The value of a member.
    ///
    /// - Parameter key: The member's key.
    /// - Returns: `nil` when there is no such member.
    public subscript(key: String) -> Substring? {
        // Most headers are empty or somebody else's.
        guard !header.isEmpty else { return nil }
        for member in header.split(separator: ",") where Self.key(of: member) == key {
            return member.dropFirst(key.utf8.count + 1)
        }
        return nil
    }

    /// The state with a member at its far left, where the one that changed last belongs; others keep their order.
    ///
    /// - Parameters:
    ///   - value: The member's value; `nil` removes it.
    ///   - key: The member's key.
    /// - Returns: The new state. Beyond 32 members the right-most are dropped. When key or value cannot stand in the
    ///   header, the state is returned as it is.
    public func setting(_ value: String?, for key: String) -> TraceState {
        var members = header.split(separator: ",").filter { Self.key(of: $0) != key }
        if let value { members.insert("\(key)=\(value)", at: 0) }
        return TraceState(headerLines: [members.prefix(Self.memberLimit).joined(separator: ",")]) ?? self
    }

    /// The state with whole members left out until it has at most a number of characters.
    ///
    /// - Parameter limit: The most characters.
    /// - Returns: First members of more than 128 characters are left out, then all others, both from the right.
    public func truncated(to limit: Int) -> TraceState {
        guard header.utf8.count > limit else { return self }
        var members = header.split(separator: ",")
        // Commas between members count too.
        var length = header.utf8.count
        for isLong in [true, false] {
            for index in members.indices.reversed() where length > limit {
                let count = members[index].utf8.count
                guard count > Self.longMember || !isLong else { continue }
                members.remove(at: index)
                length -= count + 1
            }
        }
        return TraceState(headerLines: [members.joined(separator: ",")]) ?? TraceState()
    }

    private static func key(of member: Substring) -> Substring { member.prefix { $0 != "=" } }
}
