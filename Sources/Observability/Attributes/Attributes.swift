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
        get { elements.first { $0.key == key }?.value }
        set {
            guard !key.isEmpty else { return }
            let index = elements.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): elements[index].value = value
            case (let index?, nil): elements.remove(at: index)
            case (nil, let value?): elements.append(Element(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

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

extension Attributes {
    /// Applies count and length limits: a new name beyond the count is dropped, an existing one may always change.
    ///
    /// - Returns: The number of names that were dropped.
    mutating func limit(count: Int, valueLength: Int?) -> Int {
        if let valueLength {
            for index in elements.indices {
                elements[index].value = elements[index].value.truncated(to: valueLength)
            }
        }
        let dropped = Swift.max(0, elements.count - count)
        elements.removeLast(dropped)
        return dropped
    }
}
