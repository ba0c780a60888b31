private import Observability

extension FuzzTarget {
    private static let memberLimit = 64
    private static let byteLimit = 8192

    /// `baggage`: each line of the input is one header line.
    static let baggage = FuzzTarget(name: "baggage") { input in
        let lines = input.lines
        let baggage = Baggage(headerLines: lines)
        requireSound(baggage)
        requireSound(Baggage(headerLines: lines + lines))
        require(
            Baggage(headerLines: [lines.joined(separator: ",")]) == baggage,
            "the lines \(lines) mean what they mean when joined"
        )
        requireReadBack(baggage)
        let (members, isWithinLimits) = members(lines)
        if isWithinLimits {
            let read = baggage.members.map { Member(name: $0.name, value: $0.value, metadata: $0.metadata) }
            require(read == members, "\(lines) is read as the grammar says: \(members)")
        }
        requireSetValuesSurvive(lines)
    }

    private static func requireSound(_ baggage: Baggage) {
        require(baggage.members.count <= memberLimit, "there are at most \(memberLimit) members")
        require(Set(baggage.members.map(\.name)).count == baggage.members.count, "a name has one value")
        for member in baggage.members {
            require(isToken(member.name), "\(member.name) is a token")
            require(baggage[member.name] == member.value, "\(member.name) is found")
            require(member.metadata.utf8.allSatisfy { $0 == 9 || (0x20...0x7E).contains($0) }, "metadata is ASCII")
        }
        let header = baggage.header
        require(header.utf8.count <= byteLimit, "a header has at most \(byteLimit) bytes")
        require(header.utf8.allSatisfy { $0 == 9 || (0x20...0x7E).contains($0) }, "a header is printable ASCII")
        require(!header.contains("\"") && !header.contains("\\"), "a header has neither quotes nor backslashes")
    }

    /// What is sent is read as what was sent; only what the limit leaves out may be missing.
    private static func requireReadBack(_ baggage: Baggage) {
        let header = baggage.header
        let second = Baggage(headerLines: [header])
        require(second.header == header, "\(header) is read as what was sent")
        var rest = baggage.members[...]
        for member in second.members {
            guard let index = rest.firstIndex(of: member) else {
                require(false, "\(member) of \(header) was there before, in this order")
                return
            }
            rest = rest[(index + 1)...]
        }
        if second.members.count < baggage.members.count {
            let longest = baggage.members.map { $0.name.utf8.count + 3 * $0.value.utf8.count + $0.metadata.utf8.count }
            require(longest.reduce(0) { $0 + $1 + 3 } > byteLimit, "nothing is left out without need")
        }
    }

    /// Values that a program sets arrive, whatever is in them.
    private static func requireSetValuesSurvive(_ lines: [String]) {
        var baggage = Baggage()
        for (index, line) in lines.prefix(memberLimit).enumerated() where line.utf8.count < 40 {
            baggage.set("name-\(index)", to: line, metadata: line)
        }
        requireSound(baggage)
        let values = Baggage(headerLines: [baggage.header]).members.map(\.value)
        require(values == baggage.members.map(\.value), "\(baggage.members) arrives")
    }

    private struct Member: Equatable {
        var name: String
        var value: String
        var metadata: String
    }

    /// W3C Baggage, "Header Content", written once more: the members, the last one of a name, and whether all of the
    /// header is within the limits.
    private static func members(_ lines: [String]) -> ([Member], isWithinLimits: Bool) {
        let items = lines.joined(separator: ",").unicodeScalars.split(separator: ",")
        let bytes = items.reduce(-1) { $0 + $1.reduce(1) { $0 + UTF8.width($1) } }
        var members: [Member] = []
        for item in items {
            let item = item.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
            let pair = item[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
            guard pair.count == 2, isToken(pair[0]), pair[1].unicodeScalars.allSatisfy(isValueScalar) else { continue }
            let metadata = item.count > 1 ? trimmed(item[1]) : ""
            guard metadata.unicodeScalars.allSatisfy({ isValueScalar($0) || $0 == "\t" || $0 == " " || $0 == ";" })
            else { continue }
            members.removeAll { $0.name == pair[0] }
            members.append(Member(name: pair[0], value: decoded(pair[1]), metadata: metadata))
        }
        return (members, items.count <= memberLimit && bytes <= byteLimit)
    }

    private static func trimmed(_ text: Substring.UnicodeScalarView) -> String {
        var text = text
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        return String(text)
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy(tokenScalars.contains)
    }

    private static let tokenScalars = Set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~".unicodeScalars
    )

    private static func isValueScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\"", ",", ";", "\\": false
        default: (0x21...0x7E).contains(scalar.value)
        }
    }

    private static func decoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let first = digits.first, first != UInt8(ascii: "+"),
                first != UInt8(ascii: "-"), let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
