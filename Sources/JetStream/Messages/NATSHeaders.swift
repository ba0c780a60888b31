/// The headers of a message: names and values in order, a name may repeat (NATS ADR-4).
///
/// Names keep their case, and the server compares them exactly; look-ups here ignore case, because producers in other
/// languages write `Traceparent` where W3C writes `traceparent`. Values of one name keep their order on the way through
/// libnats, the order of different names does not survive it.
public struct NATSHeaders: Sendable, Hashable {
    /// One line of the header block.
    public struct Field: Sendable, Hashable {
        /// The name, in the case in which it was written.
        public var name: String
        /// The value, without line breaks.
        public var value: String

        /// Creates a field; it is validated when the message is published.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    private(set) var fields: [Field] = []

    /// Creates empty headers.
    public init() {}

    /// Creates headers from fields, in their order.
    public init(_ fields: some Sequence<Field>) {
        self.fields = Array(fields)
    }

    /// Whether there are no fields.
    public var isEmpty: Bool { fields.isEmpty }

    /// The number of fields.
    public var count: Int { fields.count }

    /// The first value of `name`, ignoring case; setting replaces every value of the name, `nil` removes it.
    public subscript(name: String) -> String? {
        get { first(named: name) }
        set {
            if let newValue {
                set(name, to: newValue)
            } else {
                remove(name)
            }
        }
    }

    /// Returns the first value whose name equals `name` ignoring case; a field with the lowercase name goes first.
    public func first(named name: String) -> String? {
        if fields.isEmpty { return nil }
        let lowercase = name.lowercased()
        var match: String?
        for field in fields {
            if field.name == lowercase { return field.value }
            if match == nil, field.name.equalsIgnoringCase(lowercase) { match = field.value }
        }
        return match
    }

    /// Returns all values whose name equals `name` ignoring case, in order.
    public func values(named name: String) -> [String] {
        fields.filter { $0.name.equalsIgnoringCase(name) }.map(\.value)
    }

    /// Replaces every value of `name`, ignoring case, by one value.
    public mutating func set(_ name: String, to value: String) {
        remove(name)
        append(name, value)
    }

    /// Adds a value and keeps those that the name already has.
    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Removes every value of `name`, ignoring case.
    public mutating func remove(_ name: String) {
        fields.removeAll { $0.name.equalsIgnoringCase(name) }
    }
}

extension NATSHeaders: Sequence {
    /// Iterates over the fields in order.
    public func makeIterator() -> IndexingIterator<[Field]> {
        fields.makeIterator()
    }
}

extension NATSHeaders: ExpressibleByDictionaryLiteral {
    /// Creates headers from name and value pairs, in their order.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { Field(name: $0.0, value: $0.1) })
    }
}

extension NATSHeaders: CustomStringConvertible {
    /// The names only: values may be secret.
    public var description: String {
        "NATSHeaders(" + fields.map(\.name).joined(separator: ", ") + ")"
    }
}

extension NATSHeaders {
    /// Parses a header block: a version line, then one `name: value` a line.
    init(block: UnsafeRawBufferPointer) {
        for line in block.split(separator: UInt8(ascii: "\n")).dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            var value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
            if value.last == UInt8(ascii: "\r") { value = value.dropLast() }
            append(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
    }
}

extension String {
    /// Compares ASCII letters without case.
    func equalsIgnoringCase(_ other: String) -> Bool {
        let (left, right) = (utf8, other.utf8)
        guard left.count == right.count else { return false }
        return zip(left, right).allSatisfy { $0 == $1 || ($0.asciiLowercase == $1.asciiLowercase) }
    }
}

extension UInt8 {
    fileprivate var asciiLowercase: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}
