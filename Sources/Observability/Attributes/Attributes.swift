/// Named values, unique by name and in the order in which the names were first set.
///
/// A list rather than a dictionary: spans have a handful, and a linear search of a handful beats hashing.
public struct Attributes: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// One name and its value.
    public struct Element: Hashable, Sendable {
        /// The name, not empty.
        public let key: String
        /// The value.
        public var value: AttributeValue
    }

    @usableFromInline private(set) var elements: [Element] = []

    /// Creates an empty collection.
    public init() {}

    /// Calls a function with the elements where they are: an encoder reads them without copying one.
    ///
    /// - Parameter body: Must not let the pointer escape.
    @inlinable
    public func withElements<Result>(
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        try elements.withUnsafeBufferPointer(body)
    }

    /// Creates a collection from literal pairs; a later value replaces an earlier one of the same name.
    public init(dictionaryLiteral pairs: (String, AttributeValue)...) {
        elements.reserveCapacity(pairs.count)
        for (key, value) in pairs {
            self[key] = value
        }
    }

    /// The value of a name. Setting `nil` removes it; an empty name is ignored.
    public subscript(key: String) -> AttributeValue? {
        get { index(of: key).map { elements[$0].value } }
        set {
            guard !key.isEmpty else { return }
            switch (index(of: key), newValue) {
            case (let index?, let value?): elements[index].value = value
            case (let index?, nil): elements.remove(at: index)
            case (nil, let value?): elements.append(Element(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The position of a name. Lengths are compared first: they tell most names apart without looking at the text.
    @inline(__always)
    private func index(of key: String) -> Int? {
        let length = key.utf8.count
        return elements.firstIndex { $0.key.utf8.count == length && $0.key == key }
    }

    /// The same names with other values.
    func mapValues(_ transform: (AttributeValue) -> AttributeValue) -> Attributes {
        var result = self
        for index in result.elements.indices { result.elements[index].value = transform(result.elements[index].value) }
        return result
    }

    /// How many values there is memory for.
    var capacity: Int { elements.capacity }

    /// Forgets all values and keeps a usual amount of memory for the next.
    mutating func removeAll() {
        elements.removeAll(keepingCapacity: elements.capacity <= Self.retainedCapacity)
    }

    private static let retainedCapacity = 32

    /// Adds the other collection's values, replacing those of the same name.
    public mutating func merge(_ other: Attributes) {
        for element in other {
            self[element.key] = element.value
        }
    }

    /// The collection together with another one, whose values win.
    public func merging(_ other: Attributes) -> Attributes {
        var merged = self
        merged.merge(other)
        return merged
    }
}

extension Attributes: RandomAccessCollection {
    /// The position of the first element.
    public var startIndex: Int { elements.startIndex }
    /// The position after the last element.
    public var endIndex: Int { elements.endIndex }
    /// The element at a position.
    public subscript(position: Int) -> Element { elements[position] }
}

/// How much one collection may hold.
struct AttributeLimits: Sendable, Hashable {
    /// The most names.
    var count: Int
    /// The most characters of a string, and bytes of a byte value; `Int.max` for no limit.
    var valueLength: Int
}

extension Attributes {
    /// Sets a value within limits: a new name beyond the count is dropped, an existing one may always change.
    ///
    /// - Returns: The number of names that were dropped: 0 or 1.
    @inline(__always)
    mutating func set(_ key: String, _ value: AttributeValue, _ limits: AttributeLimits) -> Int {
        guard !key.isEmpty else { return 0 }
        let value = value.isWithin(limits.valueLength) ? value : value.truncated(to: limits.valueLength)
        if let index = index(of: key) {
            elements[index].value = value
        } else if elements.count < limits.count {
            elements.append(Element(key: key, value: value))
        } else {
            return 1
        }
        return 0
    }

    /// Applies limits to what was set without them.
    ///
    /// - Returns: The number of names that were dropped, those that came last.
    mutating func limit(_ limits: AttributeLimits) -> Int {
        for index in elements.indices where !elements[index].value.isWithin(limits.valueLength) {
            elements[index].value = elements[index].value.truncated(to: limits.valueLength)
        }
        let dropped = Swift.max(0, elements.count - limits.count)
        elements.removeLast(dropped)
        return dropped
    }
}
