private import SwiftProtobuf
private import TraceBackend

@testable private import OTLPExporter

extension FuzzTarget {
    /// OTLP responses: the first byte chooses the status, the second the content type, the rest is the body.
    static let otlpResponse = FuzzTarget(name: "otlp-response") { input in
        guard input.bytes.count >= 2 else { return }
        let statuses = [200, 200, 202, 301, 400, 429, 500, 502, 503, 504, 599, 0]
        let types = [nil, "application/x-protobuf", "Application/X-Protobuf; charset=utf-8", "text/plain", ""]
        let status = statuses[Int(input.bytes[0]) % statuses.count]
        let type = types[Int(input.bytes[1]) % types.count]
        let body = Array(input.bytes.dropFirst(2))
        let response = OTLPResponse(status: status, contentType: type, body: body)
        require(response.outcome == response.outcome, "an answer means one thing")
        let isProtobuf = type?.lowercased().hasPrefix("application/x-protobuf") ?? true
        switch response.outcome {
        case .delivered(let rejected, let warning):
            require((200...299).contains(status), "only success delivers")
            require(rejected >= 0, "\(rejected) spans cannot be rejected")
            requireLoggable(warning)
            if isProtobuf { requireAgreement(body, rejected: rejected, warning: warning) }
            if !isProtobuf { require(rejected == 0 && warning.isEmpty, "what is not protobuf is not read as it") }
        case .failed(let failure):
            require(!(200...299).contains(status), "success does not fail")
            require(failure.isRetryable == [429, 502, 503, 504].contains(status), "OTLP says what may be repeated")
            requireLoggable(failure.detail)
        }
    }

    private static func requireLoggable(_ text: String) {
        require(text.unicodeScalars.count <= 256, "a stranger's text is short")
        require(
            text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control },
            "a stranger's text is one line"
        )
    }

    /// swift-protobuf reads the same from a body, but for three things that no honest backend sends.
    private static func requireAgreement(_ body: [UInt8], rejected: Int, warning: String) {
        guard !body.isEmpty, let message = try? OTLPExportTraceServiceResponse(serializedBytes: body) else { return }
        // protobuf-c knows no groups, and has to find the wire type that the schema says.
        if warning == "the response is not an ExportTraceServiceResponse" { return }
        // protobuf-c loses numbers when it merges a message that comes twice.
        if partialSuccesses(body) > 1 { return }
        let partial = message.partialSuccess
        require(rejected == max(0, Int(clamping: partial.rejectedSpans)), "\(message) has the rejected spans")
        // A C string ends at a NUL.
        let text = partial.errorMessage.unicodeScalars.prefix { $0 != "\0" }.prefix(256)
        let shown = text.map { $0.properties.generalCategory == .control ? " " : $0 }
        require(Array(warning.unicodeScalars) == shown, "\(message) has the message")
    }

    /// How often field 1 is there, in a body that swift-protobuf has read.
    private static func partialSuccesses(_ body: [UInt8]) -> Int {
        var rest = body[...]
        var count = 0
        while let key = varint(&rest) {
            if key >> 3 == 1 { count += 1 }
            switch key & 7 {
            case 0: _ = varint(&rest)
            case 1: rest = rest.dropFirst(8)
            case 2:
                let length = Int(clamping: varint(&rest) ?? 0)
                rest = rest.dropFirst(length)
            case 5: rest = rest.dropFirst(4)
            default: break
            }
        }
        return count
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = bytes.popFirst() {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
