import Observability
import TestKit
import Tracing

/// Batches with every field, at its edges as often as between them.
struct RandomSpan {
    var random: SeededGenerator
    /// What stands where text has a zero byte; the spans are the same otherwise.
    var zero: Character = "\0"
    /// Whether lists may be nested deeper than the encoder writes them.
    var hasDeepLists = false

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func batch() -> (spans: [FinishedSpan], resource: Resource) {
        let count = pick([1, 1, 1, 2, 5])
        return ((0..<count).map { _ in span() }, Resource(attributes: attributes()))
    }

    private mutating func span() -> FinishedSpan {
        let start = random.next() >> 2
        return FinishedSpan(
            context: context(),
            parentSpanID: Bool.random(using: &random) ? SpanID(random.next() | 1) : nil,
            parentIsRemote: Bool.random(using: &random),
            name: text(),
            kind: pick([.internal, .server, .client, .producer, .consumer]),
            startTime: pick([0, start, start]),
            endTime: start + random.next() >> 30,
            attributes: attributes(),
            droppedAttributesCount: count(),
            events: several { random in
                OTelSpan.Event(
                    name: random.text(),
                    time: random.random.next(),
                    attributes: random.attributes(),
                    droppedAttributesCount: random.count()
                )
            },
            droppedEventsCount: count(),
            links: several { random in
                OTelSpan.Link(
                    context: random.context(),
                    attributes: random.attributes(),
                    droppedAttributesCount: random.count()
                )
            },
            droppedLinksCount: count(),
            status: pick([.unset, .ok, .error(""), .error(text())]),
            scope: InstrumentationScope(
                name: pick(["", "a", "b"]),
                version: pick(["", "1"]),
                schemaURL: pick(["", SemanticConventions.schemaURL])
            )
        )
    }

    private mutating func several<Element>(_ make: (inout RandomSpan) -> Element) -> [Element] {
        (0..<pick([0, 0, 0, 1, 3])).map { _ in make(&self) }
    }

    private mutating func attributes() -> Attributes {
        var attributes = Attributes()
        for _ in 0..<Int.random(in: 0...5, using: &random) { attributes["k" + text()] = value(depth: 0) }
        return attributes
    }

    private mutating func value(depth: Int) -> Observability.AttributeValue {
        let number = Int64(bitPattern: random.next())
        switch Int.random(in: 0...(depth > 3 ? 5 : 8), using: &random) {
        case 0: return .string(text())
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .int(pick([0, 1, -1, 127, 128, .max, .min, number]))
        case 3: return .double(pick([0, -0.0, .infinity, .nan, 0.1, .leastNonzeroMagnitude]))
        case 4: return .bytes((0..<length()).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        case 5: return .empty
        case 6: return .array((0..<pick(depth == 0 ? [0, 1, 2, 70] : [0, 1, 2])).map { _ in value(depth: depth + 2) })
        case 7:
            var values = Attributes()
            for _ in 0..<pick([0, 1, 2]) { values["k" + text()] = value(depth: depth + 2) }
            return .map(values)
        default:
            var value = value(depth: depth + 2)
            let levels = hasDeepLists ? Int.random(in: 1...40, using: &random) : 3
            for _ in 0..<levels { value = Bool.random(using: &random) ? .array([value]) : .map(["k": value]) }
            return value
        }
    }

    private mutating func text() -> String {
        let texts = (zero == "\0" ? Self.textsWithZeros : Self.textsWithSpaces)
        return pick(pick(texts))
    }

    private mutating func length() -> Int {
        pick(Self.lengths)
    }

    /// Around the lengths where the form of a length or the way of copying changes.
    private static let lengths = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 120, 127, 128, 300]
    private static let textsWithZeros = texts(zero: "\0")
    private static let textsWithSpaces = texts(zero: " ")

    /// Some texts of each length, made once: most of the time would go into it.
    private static func texts(zero: Character) -> [[String]] {
        var random = SeededGenerator(seed: 0)
        let characters: [Character] = ["a", "b", "é", "€", "😀", "\u{1}", zero]
        var texts = lengths.map { length in
            (0..<8).map { variant in
                String(
                    (0..<length).map { _ in
                        // Half of them are ASCII.
                        characters[variant % 2 == 0 ? 0 : Int.random(in: 0..<characters.count, using: &random)]
                    }
                )
            }
        }
        texts.append(Array(repeating: "", count: 7) + [String(repeating: "é", count: 20_000)])
        return texts
    }

    private mutating func context() -> SpanContext {
        SpanContext(
            traceID: TraceID(high: random.next(), low: random.next() | 1),
            spanID: SpanID(random.next() | 1),
            flags: TraceFlags(rawValue: UInt8.random(in: 0...3, using: &random)),
            traceState: Bool.random(using: &random)
                ? TraceState(headerLines: ["a=1,b=2"]) ?? TraceState() : TraceState(),
            isRemote: Bool.random(using: &random)
        )
    }

    /// More than 32 bits are clamped.
    private mutating func count() -> Int {
        pick([0, 0, 1, 127, 128, Int(UInt32.max)])
    }

    private mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &random)]
    }
}
