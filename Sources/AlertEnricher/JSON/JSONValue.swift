/// JSON that is passed on.
///
/// What nobody looks at comes out as it came in: members in their order, also when a name comes twice, and numbers and
/// strings as they are written, whatever their precision or escapes. Only white space between them is lost.
enum JSONValue: Hashable, Sendable {
    /// One name and value of an object.
    struct Member: Hashable, Sendable {
        let name: JSONString
        var value: JSONValue
    }

    case object([Member])
    case array([JSONValue])
    case string(JSONString)
    /// A number, `true`, `false` or `null`, as it is written.
    case literal(String)

    /// The text of a string.
    var text: String? {
        if case .string(let string) = self { string.text } else { nil }
    }

    /// The members of an object.
    var members: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The elements of an array.
    var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The value of a member; the last one, when there are several.
    subscript(name: String) -> JSONValue? {
        members?.last { $0.name.text == name }?.value
    }

    /// The value as JSON, on one line.
    var serialized: [UInt8] {
        var output: [UInt8] = []
        write(to: &output)
        return output
    }

    private func write(to output: inout [UInt8]) {
        switch self {
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                member.name.write(to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.write(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                element.write(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .string(let string):
            string.write(to: &output)
        case .literal(let text):
            output += text.utf8
        }
    }
}

extension [JSONValue.Member] {
    /// Sets the text of a member: where the name is, or at the end.
    mutating func set(_ name: String, _ text: String) {
        let value = JSONValue.string(JSONString(text))
        if let index = lastIndex(where: { $0.name.text == name }) {
            self[index].value = value
        } else {
            append(JSONValue.Member(name: JSONString(name), value: value))
        }
    }
}
