import Observability
import TestKit
import Testing

extension Differential {
    /// Against `TraceContextTextMapPropagator` of the Python API.
    @Suite("Trace context is what OpenTelemetry for Python reads and writes")
    struct TraceContextTests {
        /// Where Python deviates from W3C Trace Context Level 2.
        enum Deviation: CaseIterable {
            /// RFC 9110 §5.3: a field that is no list has one line; two are invalid. It reads the first.
            case severalTraceParents
            /// RFC 9110 §5.3: a comma is the seam of two lines that were joined. It takes one for a later version's.
            case joinedTraceParents
            /// "Versioning of traceparent": what a later version has behind the flags is ignored, however long it is. It
            /// drops headers of more than 512 characters.
            case longTraceParent
            /// "Other Flags": unknown flags are zero when sent. It sends them as they came.
            case unknownFlags
            /// "Key": Level 2 lets a key start with a digit and has no rules for what is around `@`. It has Level 1's.
            case levelOneKeys
            /// "Combined Header Value": members of others are kept. It drops all when a key is there twice.
            case duplicateKeys
            /// "Limits": 512 characters at least are propagated. It drops headers of more than 8,192, where we drop
            /// members from them.
            case longTraceState
        }

        struct Case: Encodable {
            var traceparent: [String]
            var tracestate: [String]
        }

        struct Answer: Decodable, Equatable {
            var traceID: String?
            var spanID: String?
            var flags: UInt8?
            var isRemote: Bool?
            var injected: [String: String]?
        }

        @Test("10,000 headers, most of them nearly valid, mean the same to both")
        func agree() async throws {
            var generator = SeededGenerator(seed: 0xC0FFEE)
            let cases = (0..<Differential.cases).map { _ in Headers.make(&generator) }
            let answers = try await Differential.answers(
                "propagators.py",
                mode: "tracecontext",
                to: cases,
                as: Answer.self
            )
            var seen: [Deviation: Int] = [:]
            var differences: [String] = []
            var valid = 0
            for (one, answer) in zip(cases, answers) {
                var (predicted, deviations) = Self.prediction(one)
                let ours = Self.answer(one)
                if ours.traceID != nil { valid += 1 }
                // A deviation counts where it changes the answer.
                if predicted == ours { deviations = [] }
                if answer != predicted { differences.append("\(one), \(deviations): \(answer), not \(predicted)") }
                for deviation in deviations { seen[deviation, default: 0] += 1 }
            }
            Differential.expectNone(differences)
            Differential.expectAll(seen)
            #expect(valid > cases.count / 2, "the generator makes mostly valid headers")
        }

        /// What we read and write.
        private static func answer(_ one: Case) -> Answer {
            guard
                let context = W3CPropagator.spanContext(traceParents: one.traceparent, traceStates: one.tracestate)
            else { return Answer() }
            var injected: [String: String] = [:]
            W3CPropagator.inject(ActiveContext(spanContext: context)) { injected[$0] = $1 }
            return Answer(
                traceID: context.traceID.hex,
                spanID: context.spanID.hex,
                flags: context.flags.rawValue,
                isRemote: context.isRemote,
                injected: injected
            )
        }

        /// What Python will answer: what we do, but for its deviations.
        private static func prediction(_ one: Case) -> (Answer, Set<Deviation>) {
            var one = one
            var deviations: Set<Deviation> = []
            if one.traceparent.count > 1 {
                deviations.insert(.severalTraceParents)
                one.traceparent = [one.traceparent[0]]
            }
            let parent = one.traceparent.first ?? ""
            if parent.contains(",") {
                deviations.insert(.joinedTraceParents)
                one.traceparent = [parent.replacing(",", with: ".")]
            }
            if parent.unicodeScalars.count > 512 { return (Answer(), deviations.union([.longTraceParent])) }
            if let state = state(one.tracestate, &deviations) { one.tracestate = state }
            var answer = answer(one)
            let flags = parent.drop { $0 == " " || $0 == "\t" }.dropFirst(53).prefix(2)
            if answer.traceID != nil, let flags = UInt8(flags, radix: 16), flags > 3, let sent = answer.injected {
                deviations.insert(.unknownFlags)
                answer.flags = flags
                answer.injected?["traceparent"] = (sent["traceparent"] ?? "").dropLast(2) + hex(flags)
            }
            return (answer, deviations)
        }

        /// W3C Trace Context Level 1, "Key": a simple key, or a tenant, `@` and a system.
        private static func isLevelOne(_ key: Substring) -> Bool {
            let parts = key.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
            guard let first = parts[0].first, parts[0].allSatisfy(isKeyByte) else { return false }
            if parts.count == 1 { return isLetter(first) && parts[0].count <= 256 }
            guard parts.count == 2, let system = parts[1].first, parts[1].allSatisfy(isKeyByte) else { return false }
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
            return (isLetter(first) || isDigit) && parts[0].count <= 241 && isLetter(system) && parts[1].count <= 14
        }

        private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

        private static func isKeyByte(_ byte: UInt8) -> Bool {
            isLetter(byte) || "0123456789_-*/".utf8.contains(byte)
        }

        private static func hex(_ flags: UInt8) -> String {
            (flags < 16 ? "0" : "") + String(flags, radix: 16)
        }

        /// The `tracestate` that we read as Python reads the one that there is; `nil` when it is the same.
        private static func state(_ lines: [String], _ deviations: inout Set<Deviation>) -> [String]? {
            let all = lines.joined(separator: ",")
            if all.unicodeScalars.count > 8192 { deviations.insert(.longTraceState) }
            let keys = all.split(separator: ",").map { member in
                member.drop { $0 == " " || $0 == "\t" }.prefix { $0 != "=" }
            }.filter { !$0.isEmpty }
            if Set(keys).count < keys.count { deviations.insert(.duplicateKeys) }
            if keys.contains(where: { !isLevelOne($0) }) {
                deviations.insert(.levelOneKeys)
            }
            return !deviations.isDisjoint(with: [.longTraceState, .duplicateKeys, .levelOneKeys]) ? [] : nil
        }
    }
}

/// Makes headers that are valid, or nearly so.
private enum Headers {
    private static let hex = Array("0123456789abcdef")
    private static let key = Array("abcdefghijklmnopqrstuvwxyz0123456789_-*/@")
    private static let value = (0x20...0x7E).map { Character(Unicode.Scalar(UInt8($0))) }.filter { !",=".contains($0) }
    /// What a mutation puts in. No line ends: an HTTP library lets none through (RFC 9110 §5.5).
    private static let odd = Array("0aAgG-_. \t,=;\"\\@\u{7F}é١%")

    static func make(_ generator: inout SeededGenerator) -> Differential.TraceContextTests.Case {
        var parents = [parent(&generator)]
        if generator.oneIn(40) { parents = [] }
        if generator.oneIn(30) { parents.append(generator.oneIn(2) ? parent(&generator) : parents.first ?? "") }
        var states = (0..<generator.pick([0, 1, 1, 1, 2, 3])).map { _ in state(&generator) }
        if generator.oneIn(100) {
            states = (0..<Int.random(in: 28...32, using: &generator)).map { "key-\($0)=" + value(&generator, 256) }
        }
        return .init(traceparent: parents, tracestate: states)
    }

    private static func parent(_ generator: inout SeededGenerator) -> String {
        var version = generator.oneIn(4) ? generator.text(hex, 2...2) : "00"
        if generator.oneIn(60) { version = "ff" }
        var trace = generator.text(hex, 32...32)
        if generator.oneIn(60) { trace = String(repeating: "0", count: 32) }
        var span = generator.text(hex, 16...16)
        if generator.oneIn(60) { span = String(repeating: "0", count: 16) }
        let flags = generator.oneIn(4) ? generator.text(hex, 2...2) : generator.pick(["00", "01", "02", "03"])
        var text = "\(version)-\(trace)-\(span)-\(flags)"
        if generator.oneIn(version == "00" ? 40 : 3) { text += "-" + generator.text(odd, 0...20) }
        if generator.oneIn(300) { text += "-" + generator.text(hex, 450...470) }
        if generator.oneIn(6) { text = generator.mutated(text, with: odd) }
        if generator.oneIn(10) {
            text = generator.text([" ", "\t"], 0...3) + text + generator.text([" ", "\t"], 0...3)
        }
        return text
    }

    private static func state(_ generator: inout SeededGenerator) -> String {
        let count = generator.oneIn(20) ? Int.random(in: 28...34, using: &generator) : generator.pick([0, 1, 1, 2, 3])
        var members = (0..<count).map { _ in member(&generator) }
        if generator.oneIn(20), let first = members.first { members.append(first) }
        if generator.oneIn(10) { members.insert(generator.pick(["", " ", "\t "]), at: 0) }
        var text = members.joined(separator: generator.pick([",", ",", ", ", " ,\t"]))
        if generator.oneIn(8) { text = generator.mutated(text, with: odd) }
        return text
    }

    private static func member(_ generator: inout SeededGenerator) -> String {
        var name = generator.pick(["k", "a", "z", "vendor-"]) + generator.text(Array(key.dropLast()), 1...12)
        if generator.oneIn(6) {
            name = generator.text(Array("ab1"), 1...10) + "@" + generator.text(Array("xyz"), 1...14)
        }
        if generator.oneIn(40) { name = generator.text(key, 1...12) }
        if generator.oneIn(60) { name = "k" + generator.text(Array("abc"), 253...257) }
        return name + "=" + value(&generator, generator.oneIn(40) ? Int.random(in: 254...258, using: &generator) : 12)
    }

    private static func value(_ generator: inout SeededGenerator, _ count: Int) -> String {
        generator.text(value, count...count)
    }
}
