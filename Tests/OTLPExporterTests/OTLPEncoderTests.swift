import Foundation
import Observability
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

@testable import OTLPExporter

@Suite("OTLP encoding")
struct OTLPEncoderTests {
    @Test("writes the golden vector byte for byte")
    func goldenVector() throws {
        let expected = """
            0afd010a1a0a180a0c736572766963652e6e616d6512080a066f726465727312de010a090a0467727063120131\
            12a7010a104bf92f3577b34da6a3ce929d0e0e4736120800f067aa0ba902b7220812345678901234562a076f2e\
            532f47657430023900002a36fe9c971741404b7636fe9c97174a190a0f7270632e73797374656d2e6e616d6512\
            060a04677270634a130a0b7365727665722e706f72741204188387034a070a0162120210004a070a016512020a\
            005a100940423936fe9c9717120572657472797a081204626f6f6d18028501030300001a2768747470733a2f2f\
            6f70656e74656c656d657472792e696f2f736368656d61732f312e34342e30
            """
        let bytes = try #require(OTLPEncoder().encoded([goldenSpan()]))
        #expect(bytes.map { String(format: "%02x", $0) }.joined() == expected)
    }

    @Test("groups spans by scope in the order of first appearance")
    func groups() throws {
        let spans = [
            makeSpan(1, scope: "a"), makeSpan(2, scope: "b"), makeSpan(3, scope: "a"), makeSpan(4, scope: "c"),
            makeSpan(5, scope: "b"),
        ]
        let request = try decode(OTLPEncoder().encoded(spans))
        #expect(request.resourceSpans.count == 1)
        let groups = request.resourceSpans[0].scopeSpans
        #expect(groups.map(\.scope.name) == ["a", "b", "c"])
        #expect(groups.map { $0.spans.map { $0.spanID.last ?? 0 } } == [[1, 3], [2, 5], [4]])
    }

    @Test("tells scopes apart by version and schema too")
    func scopeIdentity() throws {
        var spans = [makeSpan(1), makeSpan(2), makeSpan(3)]
        spans[1].scope = InstrumentationScope(name: "test", version: "2")
        spans[2].scope = InstrumentationScope(name: "test", schemaURL: "")
        let groups = try decode(OTLPEncoder().encoded(spans)).resourceSpans[0].scopeSpans
        #expect(groups.map(\.schemaURL) == [SemanticConventions.schemaURL, SemanticConventions.schemaURL, ""])
        #expect(groups.map(\.scope.version) == ["", "2", ""])
    }

    @Test("writes the member of every kind of value, zero and empty ones too")
    func values() throws {
        let attributes: Attributes = [
            "string": "", "false": false, "zero": 0, "double": 0.0, "bytes": .bytes([]), "array": .array([]),
            "nested": .array(["x", .array([true, .bytes([0, 255])]), -1, 2.5]), "least": .int(Int64.min),
        ]
        let span = try #require(
            decode(OTLPEncoder().encoded([makeSpan(1, attributes: attributes)])).resourceSpans[0].scopeSpans[0].spans
                .first
        )
        #expect(span.attributes.map(\.key) == attributes.map(\.key))
        #expect(span.attributes.map(\.value) == attributes.map { Reference.value($0.value) })
        #expect(span.attributes.allSatisfy { $0.value.value != nil })
    }

    @Test("keeps text with a zero byte as it is")
    func zeroInText() throws {
        let span = makeSpan(1, name: "a\0b", attributes: ["k\0": "\0\0end"])
        let decoded = try decode(OTLPEncoder().encoded([span])).resourceSpans[0].scopeSpans[0].spans[0]
        #expect(decoded.name == "a\0b")
        #expect(decoded.attributes.first?.key == "k\0")
        #expect(decoded.attributes.first?.value.stringValue == "\0\0end")
    }

    @Test("maps keep the order of their names, the empty value has no member, and both can be inside of each other")
    func mapsAndEmpty() throws {
        let map: Observability.AttributeValue = .map(["b": 1, "a": .array([.empty, .map([:])]), "c": .empty])
        let request = try decode(OTLPEncoder().encoded([makeSpan(1, attributes: ["map": map, "none": .empty])]))
        let attributes = request.resourceSpans[0].scopeSpans[0].spans[0].attributes
        #expect(attributes.map(\.key) == ["map", "none"])
        let values = attributes[0].value.kvlistValue.values
        #expect(values.map(\.key) == ["b", "a", "c"])
        #expect(values[0].value.intValue == 1)
        #expect(values[1].value.arrayValue.values.count == 2)
        #expect(values[1].value.arrayValue.values.first?.value == nil)
        #expect(values[1].value.arrayValue.values.last?.kvlistValue.values.isEmpty == true)
        #expect(values[2].value.value == nil)
        #expect(attributes[1].value.value == nil)
    }

    @Test("cuts maps off that are too deep for receivers")
    func mapDepth() throws {
        var value = Observability.AttributeValue.map(["k": 1])
        for _ in 0..<5000 { value = .map(["k": value]) }
        let request = try decode(OTLPEncoder().encoded([makeSpan(1, attributes: ["deep": value])]))
        var depth = 0
        var current = request.resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value
        while let inner = current.kvlistValue.values.first {
            depth += 1
            current = inner.value
        }
        #expect(depth == ProtobufWriter.depthLimit)
    }

    @Test("cuts lists off that are too deep for receivers")
    func depth() throws {
        var value = Observability.AttributeValue.array([1])
        for _ in 0..<5000 { value = .array([value]) }
        let request = try decode(OTLPEncoder().encoded([makeSpan(1, attributes: ["deep": value])]))
        var depth = 0
        var current = request.resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value
        while let inner = current.arrayValue.values.first {
            depth += 1
            current = inner
        }
        #expect(depth == ProtobufWriter.depthLimit)
    }

    @Test("refuses a batch beyond the limit, also long before it is encoded")
    func limit() throws {
        let spans = (1...10).map { makeSpan($0, attributes: ["text": .string(String(repeating: "x", count: 1000))]) }
        let encoder = OTLPEncoder()
        let size = try #require(encoder.encoded(spans)).count
        #expect(encoder.encoded(spans, limit: size)?.count == size)
        #expect(encoder.encoded(spans, limit: size - 1) == nil)
        #expect(encoder.encoded(spans, limit: 100) == nil)
        #expect(encoder.encoded(spans)?.count == size)
    }

    // The buffers of an encoder are reused: a batch must not see what the one before it left there.

    @Test("agrees with protobuf-c about 10,000 random batches, byte for byte", arguments: 0..<2)
    func protobufC(seed: UInt64) async {
        let differences = await onThread {
            let encoder = OTLPEncoder()
            let reference = ProtobufCEncoder()
            return (UInt64(0)..<5000).filter { number in
                // protobuf-c takes C strings, which end at the first zero byte; its encoder writes spaces instead.
                var random = RandomSpan(seed: seed << 32 | number)
                random.hasDeepLists = true
                var randomWithoutZeros = random
                randomWithoutZeros.zero = " "
                let batch = randomWithoutZeros.batch()
                let expected = reference.encoded(batch.spans, resource: batch.resource)
                guard encoder.encoded(batch.spans, resource: batch.resource) == expected else { return true }
                let batchWithZeros = random.batch()
                return reference.encoded(batchWithZeros.spans, resource: batchWithZeros.resource) != expected
            }
        }
        #expect(differences == [])
    }

    @Test("agrees with swift-protobuf about 1,000 random batches, byte for byte")
    func swiftProtobuf() async {
        let differences = await onThread {
            let encoder = OTLPEncoder()
            return (UInt64(0)..<1000).filter { number in
                var random = RandomSpan(seed: 2 << 32 | number)
                let (spans, resource) = random.batch()
                let expected = try? Reference.request(spans, resource: resource).serializedData()
                return encoder.encoded(spans, resource: resource) != expected.map(Array.init)
            }
        }
        #expect(differences == [])
    }

    @Test("writes lengths of one to four bytes", arguments: [0, 1, 90, 91, 92, 93, 94, 95, 127, 128, 129])
    func lengths(length: Int) throws {
        // Around the sizes at which the length of a pair, a span, a scope and the request takes one more byte.
        for length in [length, length + 16_200, length + 2_097_000] {
            let text = String(repeating: "x", count: length)
            let spans = [makeSpan(1, name: text, attributes: ["k": .string(text), "list": .array([.string(text)])])]
            let expected = try Array(Reference.request(spans, resource: testResource).serializedData())
            // Not as an operand of the expectation, which would print megabytes.
            let isEqual = OTLPEncoder().encoded(spans) == expected
            #expect(isEqual, "length \(length)")
        }
    }

    @Test("gives back the memory of an enormous batch")
    func memory() throws {
        let encoder = OTLPEncoder()
        let huge = makeSpan(1, attributes: ["text": .string(String(repeating: "x", count: 20 << 20))])
        #expect(encoder.encoded([huge])?.count ?? 0 > 20 << 20)
        #expect(encoder.capacity > 20 << 20)
        #expect(encoder.encoded([goldenSpan()])?.count == 256)
        #expect(encoder.capacity < 1 << 20)
    }

    private func decode(_ bytes: [UInt8]?) throws -> OTLPExportTraceServiceRequest {
        try OTLPExportTraceServiceRequest(serializedBytes: #require(bytes))
    }
}
