/// Reads JSON as RFC 8259 defines it.
struct JSONReader {
    /// Why something is no JSON.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Far more than any alert has, and no danger for the stack.
    static let maximumDepth = 64

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads a whole text.
    static func read(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw Failure(description: "it is not UTF-8") }
        var reader = JSONReader(bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.failure("something follows the value") }
        return value
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func failure(_ problem: String) -> Failure {
        Failure(description: "\(problem) at byte \(position)")
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: Character) -> Bool {
        guard let next, next == byte.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        guard depth < Self.maximumDepth else { throw failure("it is nested too deeply") }
        skipSpace()
        guard let next else { throw failure("it ends early") }
        switch Unicode.Scalar(next) {
        case "{": return .object(try members(depth: depth))
        case "[": return .array(try elements(depth: depth))
        case "\"": return .string(try string())
        case "t": return try word("true")
        case "f": return try word("false")
        case "n": return try word("null")
        case "-", "0"..."9": return try number()
        default: throw failure("there is no value")
        }
    }

    private mutating func members(depth: Int) throws(Failure) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        position += 1
        skipSpace()
        if take("}") { return members }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("there is no name of a member") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw failure("there is no colon") }
            members.append(JSONValue.Member(name: name, value: try value(depth: depth + 1)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw failure("an object does not end") }
        return members
    }

    private mutating func elements(depth: Int) throws(Failure) -> [JSONValue] {
        var elements: [JSONValue] = []
        position += 1
        skipSpace()
        if take("]") { return elements }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw failure("an array does not end") }
        return elements
    }

    private mutating func string() throws(Failure) -> JSONString {
        position += 1
        let start = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return JSONString(escaped: String(decoding: bytes[start..<(position - 1)], as: UTF8.self))
            case UInt8(ascii: "\\"):
                position += 1
                try escape()
            case ..<0x20:
                throw failure("a string has a control character")
            default:
                position += 1
            }
        }
        throw failure("a string does not end")
    }

    private mutating func escape() throws(Failure) {
        guard let kind = next, "\"\\/bfnrtu".utf8.contains(kind) else { throw failure("there is no such escape") }
        position += 1
        guard kind == UInt8(ascii: "u") else { return }
        for _ in 0..<4 {
            guard let digit = next, Character(Unicode.Scalar(digit)).isHexDigit else {
                throw failure("an escape has not four hexadecimal digits")
            }
            position += 1
        }
    }

    private mutating func word(_ word: String) throws(Failure) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw failure("there is no value") }
        position += word.utf8.count
        return .literal(word)
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return .literal(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() throws(Failure) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw failure("a number lacks a digit") }
    }
}
