import Observability
import TestKit
import Testing

extension Differential {
    /// Against `W3CBaggagePropagator` of the Python API.
    @Suite("Baggage is what OpenTelemetry for Python reads and writes")
    struct BaggageTests {
        /// Where Python deviates from W3C Baggage.
        enum Deviation: CaseIterable {
            /// "Header Name": several lines are combined. It reads the first.
            case severalLines
            /// "Value": percent-decoded, nothing else. It takes a `+` for a space, as forms do.
            case plusForSpace
            /// "Key": a token, not percent-encoded. It decodes it.
            case encodedKeys
            /// "Property": what is behind a semicolon is metadata. It leaves it in the value.
            case propertiesInValues
            /// "Property" has a grammar, and OpenTelemetry calls metadata opaque. It drops members for it, we do not.
            case strictProperties
            /// "Value": encoded white space is a part of it. It strips it.
            case strippedValues
            /// "Limits": 64 members are propagated. It reads up to 180.
            case manyMembers
            /// "Limits": 8,192 bytes are propagated. It drops a longer header, we what is beyond.
            case longHeader
            /// "Limits": there is none for one member any more. It drops those of more than 4,096 bytes.
            case longMember
        }

        struct Case: Encodable {
            /// The lines of a header.
            var lines: [String]
            /// Its members, one header each, so written that no deviation changes their meaning.
            var restated: [String]
            /// Values that a program sets.
            var set: [String: String]
            /// The header in which we send them.
            var sent: String
        }

        struct Answer: Decodable {
            var read: [String: String]
            var restated: [String: String]
            var sent: [String: String]
            var injected: String
        }

        @Test("10,000 headers, most of them nearly valid, mean the same to both")
        func agree() async throws {
            var generator = SeededGenerator(seed: 0xBA66A6E)
            let cases = (0..<Differential.cases).map { _ in Headers.make(&generator) }
            let answers = try await Differential.answers("propagators.py", mode: "baggage", to: cases, as: Answer.self)
            var seen: [Deviation: Int] = [:]
            var differences: [String] = []
            var same = 0
            for (one, answer) in zip(cases, answers) {
                let ours = Self.values(Baggage(headerLines: one.lines))
                let members = Member.all(one.lines)
                let tooLong = Set(members.filter(\.isTooLong).map(\.name))
                if answer.restated != ours.filter({ !tooLong.contains($0.key) }).mapValues({ ".\($0)." }) {
                    differences.append("\(one.lines), restated as \(one.restated), is \(ours) and \(answer.restated)")
                }
                if answer.read == ours {
                    same += 1
                } else {
                    let deviations = Self.deviations(one.lines, members)
                    if deviations.isEmpty { differences.append("\(one.lines) is \(ours) and \(answer.read)") }
                    // One that shows where there are others too is not shown.
                    if deviations.count == 1, let only = deviations.first { seen[only, default: 0] += 1 }
                }
                differences += Self.transfers(one, answer)
            }
            Differential.expectNone(differences)
            Differential.expectAll(seen)
            #expect(same > cases.count / 4, "the generator makes headers that need no restating")
        }

        /// Values that do not arrive in plain headers, in either direction.
        private static func transfers(_ one: Case, _ answer: Answer) -> [String] {
            var differences: [String] = []
            let stripped = one.set.mapValues { value in
                String(value.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            if answer.sent != stripped { differences.append("\(one.set), sent as \(one.sent), is \(answer.sent)") }
            // Python writes spaces as forms do: `plusForSpace`. Its own `+` is encoded.
            let received = Self.values(Baggage(headerLines: [answer.injected]))
            if received != one.set.mapValues({ $0.replacing(" ", with: "+") }) {
                differences.append("\(one.set), sent as \(answer.injected), is \(received)")
            }
            return differences
        }

        private static func values(_ baggage: Baggage) -> [String: String] {
            Dictionary(uniqueKeysWithValues: baggage.members.map { ($0.name, $0.value) })
        }

        private static func deviations(_ lines: [String], _ members: [Member]) -> Set<Deviation> {
            var deviations: Set<Deviation> = []
            if lines.count > 1 { deviations.insert(.severalLines) }
            if lines.joined(separator: ",").split(separator: ",").count > 64 { deviations.insert(.manyMembers) }
            if lines.joined(separator: ",").utf8.count > 8192 { deviations.insert(.longHeader) }
            for member in members {
                if member.isTooLong { deviations.insert(.longMember) }
                if (member.name + member.value).contains("+") { deviations.insert(.plusForSpace) }
                if member.name.contains("%") { deviations.insert(.encodedKeys) }
                if member.hasBlanksAround { deviations.insert(.strippedValues) }
                guard let properties = member.properties else { continue }
                deviations.insert(member.isStrict(properties) ? .propertiesInValues : .strictProperties)
            }
            return deviations
        }
    }
}

/// A member of a header, as its parts are written.
private struct Member {
    var text: Substring
    var name = ""
    var value = ""
    /// What is behind the first semicolon.
    var properties: Substring?

    /// The members that the limits let through.
    static func all(_ lines: [String]) -> [Member] {
        var bytes = -1
        return lines.joined(separator: ",").split(separator: ",").prefix(64).prefix { member in
            bytes += member.utf8.count + 1
            return bytes <= 8192
        }.map(Member.init)
    }

    init(_ text: Substring) {
        self.text = text
        let parts = text.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        let sides = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
        if sides.count == 2 { (name, value) = (sides[0], sides[1]) }
        if parts.count > 1 { properties = parts[1] }
    }

    /// The member as a header of its own, which Python reads as the specification asks.
    var restated: String? {
        // Python drops the member for properties that we call malformed too; others are metadata, and left out.
        let isMetadata = properties?.unicodeScalars.allSatisfy {
            $0 == "\t" || (0x20...0x7E).contains($0.value) && $0 != "\"" && $0 != "\\"
        }
        if name.isEmpty || isMetadata == false { return String(text) }
        let key = name.replacing("%", with: "%25").replacing("+", with: "%2B")
        return "\(key)=.\(value.replacing("+", with: "%2B"))."
    }

    var isTooLong: Bool { max(Self.trimmed(text).utf8.count, restated?.utf8.count ?? 0) > 4096 }

    var hasBlanksAround: Bool {
        let blanks = ["%20", "%09"]
        return blanks.contains { value.hasPrefix($0) || value.hasSuffix($0) }
    }

    /// Whether the properties follow the grammar.
    func isStrict(_ properties: Substring) -> Bool {
        let property = /[ \t]*[!#-'*+\-.0-9A-Z^-z|~]+[ \t]*(=[ \t]*[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*[ \t]*)?/
        return properties.split(separator: ";", omittingEmptySubsequences: false)
            .allSatisfy { $0.wholeMatch(of: property) != nil }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        return String(text)
    }
}

/// Makes headers that are valid, or nearly so.
private enum Headers {
    private static let key = Array("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$&'*-.^_`|~")
    private static let value = Array("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$&'()*-./:<=>?@[]^_`{|}~")
    private static let escapes = [
        "%20", "%2C", "%3B", "%25", "%22", "%C3%A9", "%E2%82%AC", "%FF", "%C3%28", "%", "%4", "%zz", "%2b",
    ]
    /// What a mutation puts in. No line ends: an HTTP library lets none through (RFC 9110 §5.5).
    private static let odd = Array("aA0 \t,=;+%\"\\()@\u{7F}é")
    /// What programs set.
    private static let free = Array("abcXYZ019 ,;=%+\"\\/é€😀\u{301}\u{0}\u{7F}")

    static func make(_ generator: inout SeededGenerator) -> Differential.BaggageTests.Case {
        var lines = [line(&generator)]
        if generator.oneIn(20) { lines.append(line(&generator)) }
        if generator.oneIn(60) { lines = [] }
        var set: [String: String] = [:]
        var baggage = Baggage()
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            let name = generator.text(Array("abcXYZ019_.-~"), 1...8)
            let value = generator.text(free, 0...12)
            set[name] = value
            baggage.set(name, to: value)
        }
        let restated = Member.all(lines).compactMap(\.restated)
        return .init(lines: lines, restated: restated, set: set, sent: baggage.header)
    }

    private static func line(_ generator: inout SeededGenerator) -> String {
        if generator.oneIn(60) {
            return (0..<Int.random(in: 60...70, using: &generator)).map { "member-\($0)=value" }.joined(separator: ",")
        }
        let count = generator.pick([0, 1, 1, 2, 3])
        var members = (0..<count).map { _ in member(&generator) }
        if generator.oneIn(20), let first = members.first { members.append(first) }
        if generator.oneIn(10) { members.insert(generator.pick(["", " ", "\t "]), at: 0) }
        if generator.oneIn(250) { members.append("long=" + generator.text(value, 4085...4100)) }
        if generator.oneIn(250) {
            members += (0..<10).map { "big-\($0)=" + generator.text(value, 1000...1000) }
        }
        var text = members.joined(separator: generator.pick([",", ",", ", ", " ,\t"]))
        if generator.oneIn(8) { text = generator.mutated(text, with: odd) }
        return text
    }

    private static func member(_ generator: inout SeededGenerator) -> String {
        var name = generator.text(key, 1...8)
        if generator.oneIn(60) { name += generator.pick(["%41", "%zz", "+"]) }
        var content = generator.text(value, 0...10)
        if generator.oneIn(5) { content += generator.pick(escapes) + generator.text(value, 0...3) }
        if generator.oneIn(30) { content += "+" }
        if generator.oneIn(40) { content = generator.pick(["%20" + content, content + "%09"]) }
        var text = name + generator.pick(["=", "=", "=", " = ", "\t="]) + content
        if generator.oneIn(12) {
            text += ";" + generator.pick(["p", "p=1", " p = 1 ;q", "", "p q", "p=1;;", "=1", "p=\""])
        }
        return text
    }
}
