internal import FoundationEssentials
internal import TraceBackend

/// Export requests for tests.
enum OTLPRequests {
    static func span(trace: UInt8, span: UInt8, name: String = "work", start: UInt64 = 1_000) -> OTLPSpan {
        var message = OTLPSpan()
        message.traceID = Data(repeating: trace, count: 16)
        message.spanID = Data(repeating: span, count: 8)
        message.name = name
        message.kind = .internal
        message.startTimeUnixNano = start
        message.endTimeUnixNano = start + 500
        return message
    }

    static func request(_ spans: [OTLPSpan], service: String = "orders") -> OTLPExportTraceServiceRequest {
        var name = OTLPKeyValue()
        name.key = "service.name"
        name.value.stringValue = service
        var scope = OTLPScopeSpans()
        scope.scope.name = "test"
        scope.spans = spans
        var resource = OTLPResourceSpans()
        resource.resource.attributes = [name]
        resource.scopeSpans = [scope]
        var request = OTLPExportTraceServiceRequest()
        request.resourceSpans = [resource]
        return request
    }

    static func traceID(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return String(repeating: digits.count == 1 ? "0" + digits : digits, count: 16)
    }

    /// A request that protoc wrote from the official files: one SERVER span of `orders`, with most fields set.
    static let golden = bytes(
        """
        0afd010a1a0a180a0c736572766963652e6e616d6512080a066f726465727312de010a090a0467727063120131
        12a7010a104bf92f3577b34da6a3ce929d0e0e4736120800f067aa0ba902b7220812345678901234562a076f2e
        532f47657430023900002a36fe9c971741404b7636fe9c97174a190a0f7270632e73797374656d2e6e616d6512
        060a04677270634a130a0b7365727665722e706f72741204188387034a070a0162120210004a070a016512020a
        005a100940423936fe9c9717120572657472797a081204626f6f6d18028501030300001a2768747470733a2f2f
        6f70656e74656c656d657472792e696f2f736368656d61732f312e34342e30
        """
    )

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
