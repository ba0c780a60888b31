internal import COTLP
internal import CProtobufC

/// An HTTP response to an export and what it means.
///
/// Implements OTLP 1.11, "OTLP/HTTP Response".
struct OTLPResponse {
    /// No honest answer is longer; decoding more would only spend memory on unknown fields.
    static let decodingLimit = 256 << 10

    var status: Int
    var contentType: String?
    var retryAfter: Duration?
    var body: [UInt8] = []

    /// What became of a request's spans.
    enum Outcome: Hashable {
        /// The backend answered with success; it may have refused some spans, and may have something to say.
        case delivered(rejected: Int, warning: String)
        case failed(ExportFailure)
    }

    var outcome: Outcome {
        switch status {
        case 200...299:
            guard let partial = partialSuccess else { return .delivered(rejected: 0, warning: "") }
            return .delivered(rejected: partial.rejected, warning: partial.message)
        case 429, 502, 503, 504:
            return .failed(failure(isRetryable: true))
        default:
            // Redirects too: a POST is not repeated elsewhere.
            return .failed(failure(isRetryable: false))
        }
    }

    private func failure(isRetryable: Bool) -> ExportFailure {
        ExportFailure(
            errorType: String(status),
            isRetryable: isRetryable,
            retryAfter: retryAfter,
            detail: errorMessage
        )
    }

    private var isProtobuf: Bool {
        guard !body.isEmpty, body.count <= Self.decodingLimit else { return false }
        return contentType?.lowercased().hasPrefix("application/x-protobuf") ?? true
    }

    private var partialSuccess: (rejected: Int, message: String)? {
        guard isProtobuf else { return nil }
        guard let response = contrail__otlp__v1__export_trace_service_response__unpack(nil, body.count, body) else {
            return (0, "the response is not an ExportTraceServiceResponse")
        }
        defer { contrail__otlp__v1__export_trace_service_response__free_unpacked(response, nil) }
        guard let partial = response.pointee.partial_success else { return nil }
        return (max(0, Int(clamping: partial.pointee.rejected_spans)), Self.text(partial.pointee.error_message))
    }

    /// The `message` of a `google.rpc.Status`, which has an integer 1 and a string 2 like `ExportTracePartialSuccess`.
    private var errorMessage: String {
        guard isProtobuf,
            let status = contrail__otlp__v1__export_trace_partial_success__unpack(nil, body.count, body)
        else { return "" }
        defer { contrail__otlp__v1__export_trace_partial_success__free_unpacked(status, nil) }
        return Self.text(status.pointee.error_message)
    }

    /// A stranger's text, fit for a log: one line, not too long.
    private static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        guard let pointer else { return "" }
        let scalars = String(cString: pointer).unicodeScalars.prefix(256)
        return String(String.UnicodeScalarView(scalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
