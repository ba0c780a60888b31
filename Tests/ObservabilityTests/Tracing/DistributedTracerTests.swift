import Observability
import TestKit
import Testing
import Tracing

@Suite("swift-distributed-tracing door")
struct DistributedTracerTests {
    private let processor = InMemorySpanProcessor()
    private let concrete: OTelTracer
    private let standard: DistributedTracer

    init() {
        concrete = TracerProvider(testing: processor).tracer("tests")
        standard = DistributedTracer(concrete)
    }

    private struct Carrier: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }

        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }

    private struct Failure: Error {}

    private struct Text: CustomStringConvertible, Sendable {
        let description: String
    }

    @Test("spans of both doors are parents of one another")
    func mixedParents() async throws {
        await standard.withSpan("1 standard") { _ in
            await concrete.withSpan("2 concrete") { second in
                #expect(OTelSpan.current?.spanContext == second.spanContext)
                await standard.withSpan("3 standard") { third in
                    #expect(OTelSpan.current?.spanContext == third.spanContext)
                    await concrete.withSpan("4 concrete") { _ in }
                }
                #expect(OTelSpan.current?.spanContext == second.spanContext)
            }
        }
        let spans = processor.spans.sorted { $0.name < $1.name }
        #expect(spans.map(\.name) == ["1 standard", "2 concrete", "3 standard", "4 concrete"])
        #expect(spans.first?.parentSpanID == nil)
        for (parent, child) in zip(spans, spans.dropFirst()) {
            #expect(child.parentSpanID == parent.context.spanID)
            #expect(child.context.traceID == parent.context.traceID)
        }
    }

    @Test("the type-erased API makes the same spans")
    func erased() async throws {
        let erased: any Tracer = standard
        await erased.withAnySpan("outer", ofKind: .client) { outer in
            outer.attributes["a"] = 1
            await concrete.withSpan("inner") { _ in }
        }
        let outer = try #require(processor.spans(named: "outer").first)
        #expect(outer.kind == .client)
        #expect(outer.attributes["a"] == 1)
        #expect(processor.spans(named: "inner").first?.parentSpanID == outer.context.spanID)
    }

    @Test("where the code is becomes attributes")
    func codeLocation() throws {
        standard.startSpan("s").end()
        let attributes = try #require(processor.spans.first?.attributes)
        #expect(attributes[SemanticConventions.codeFunctionName] == "codeLocation()")
        #expect(attributes[SemanticConventions.codeFilePath] == .string(#fileID))
        #expect(attributes[SemanticConventions.codeLineNumber] != nil)
    }

    @Test("attributes of all kinds are kept with their types")
    func attributeKinds() throws {
        let span = standard.startSpan("s")
        span.attributes.set("int32", value: .int32(-1))
        span.attributes.set("int64", value: .int64(.max))
        span.attributes.set("double", value: .double(1.5))
        span.attributes.set("bool", value: .bool(true))
        span.attributes.set("string", value: .string("x"))
        span.attributes.set("convertible", value: .stringConvertible(Text(description: "described")))
        span.attributes.set("int32s", value: .int32Array([1, 2]))
        span.attributes.set("int64s", value: .int64Array([3]))
        span.attributes.set("doubles", value: .doubleArray([0.5]))
        span.attributes.set("bools", value: .boolArray([false, true]))
        span.attributes.set("strings", value: .stringArray(["a", "b"]))
        span.attributes.set("convertibles", value: .stringConvertibleArray([Text(description: "c")]))
        span.end()
        var attributes = try #require(processor.spans.first?.attributes)
        let location = [
            SemanticConventions.codeFunctionName, SemanticConventions.codeFilePath, SemanticConventions.codeLineNumber,
        ]
        for name in location { attributes[name] = nil }
        let expected: Attributes = [
            "int32": -1, "int64": .int(Int64.max), "double": 1.5, "bool": true, "string": "x",
            "convertible": "described",
            "int32s": .array([1, 2]), "int64s": .array([3]), "doubles": .array([0.5]), "bools": .array([false, true]),
            "strings": .array(["a", "b"]), "convertibles": .array(["c"]),
        ]
        #expect(attributes.count == expected.count)
        for element in expected { #expect(attributes[element.key] == element.value) }
    }

    @Test("kinds that the standard API lacks survive its changes, and are read as text")
    func otherKinds() throws {
        let kept: Attributes = [
            "bytes": .bytes([0, 0xAB]), "mixed": .array(["a", 1, .array([true])]), "empty": .array([]),
        ]
        let span = concrete.startSpan("s", attributes: kept)
        #expect(span.attributes.get("bytes") == .string("00ab"))
        #expect(span.attributes.get("mixed") == .stringArray(["a", "1", "[true]"]))
        span.attributes["more"] = 1
        span.attributes["bytes2"] = "00ab"
        span.end()
        #expect(processor.spans.first?.attributes == kept.merging(["bytes2": "00ab", "more": 1]))
    }

    @Test("an error is recorded as an exception event without its text")
    func recordError() async throws {
        await #expect(throws: Failure.self) {
            try await standard.withSpan("s") { _ in
                await Task.yield()
                throw Failure()
            }
        }
        let event = try #require(processor.spans.first?.events.first)
        #expect(event.name == "exception")
        guard case .string(let type)? = event.attributes[SemanticConventions.exceptionType] else {
            Issue.record("no exception.type")
            return
        }
        #expect(type.hasSuffix("Failure"))
        #expect(event.attributes.count == 1)
    }

    @Test("the caller's attributes of an exception win")
    func recordErrorAttributes() throws {
        let span = standard.startSpan("s")
        span.recordError(Failure(), attributes: ["exception.type": "custom", "retry": 2])
        span.end()
        #expect(processor.spans.first?.events.first?.attributes == ["exception.type": "custom", "retry": 2])
    }

    @Test("status, events, links, the name and the end's time go through")
    func otherOperations() throws {
        let other = concrete.startSpan("other")
        let span = standard.startSpan("s")
        #expect(span.isRecording)
        span.operationName = "renamed"
        #expect(span.operationName == "renamed")
        span.setStatus(SpanStatus(code: .error, message: "broken for ada@example.com"))
        span.addEvent(SpanEvent(name: "e", attributes: ["k": "v"]))
        span.addLink(SpanLink(context: other.context, attributes: ["why": "retry"]))
        span.addLink(SpanLink(context: .topLevel, attributes: [:]))
        span.end()
        let finished = try #require(processor.spans.first)
        #expect(finished.name == "renamed")
        #expect(finished.status == .error("broken for ***@example.com"))
        #expect(finished.events.map(\.name) == ["e"])
        #expect(finished.events.first?.attributes == ["k": "v"])
        #expect(finished.links == [OTelSpan.Link(context: other.spanContext, attributes: ["why": "retry"])])
    }

    @Test("what is injected is extracted")
    func carrier() throws {
        var baggage = Baggage()
        baggage.set("tenant", to: "acme")
        let span = concrete.startSpan("s", parent: ActiveContext(baggage: baggage))
        var headers: [String: String] = [:]
        standard.inject(span.context, into: &headers, using: Carrier())
        #expect(headers["traceparent"] == W3CPropagator.traceParent(of: span.spanContext))

        var context = InstrumentationContext.topLevel
        standard.extract(headers, into: &context, using: Carrier())
        #expect(context.active?.spanContext?.spanID == span.spanContext.spanID)
        #expect(context.active?.spanContext?.isRemote == true)
        #expect(context.active?.baggage["tenant"] == "acme")
        standard.startSpan("server", context: context, ofKind: .server).end()
        let server = try #require(processor.spans.first)
        #expect(server.parentSpanID == span.spanContext.spanID)
        #expect(server.parentIsRemote)
    }

    @Test("nothing is injected from an empty context")
    func emptyContext() {
        var headers: [String: String] = [:]
        standard.inject(.topLevel, into: &headers, using: Carrier())
        #expect(headers.isEmpty)
    }

    @Test(
        "a carrier without a valid context does not replace the one that is there",
        arguments: [[:], ["traceparent": "garbage"], ["traceparent": "garbage", "baggage": "a=1"], ["baggage": "a=1"]]
    )
    func keepsContext(headers: [String: String]) {
        let span = concrete.startSpan("s")
        var context = span.context
        standard.extract(headers, into: &context, using: Carrier())
        #expect(context.active?.spanContext == span.spanContext)
        #expect(context.active?.span?.spanContext == span.spanContext)
        #expect(context.active?.baggage["a"] == (headers["baggage"] == nil ? nil : "1"))
        var empty = InstrumentationContext.topLevel
        standard.extract([:], into: &empty, using: Carrier())
        #expect(empty.active == nil)
    }
}
