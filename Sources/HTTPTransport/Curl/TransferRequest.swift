/// What a transfer is to do, before it has a libcurl handle.
enum TransferRequest: Sendable {
    /// What SMTP transports.
    struct Envelope: Sendable {
        var sender: String
        var recipients: [String]
        var message: [UInt8]
    }

    case http(HTTPRequest, CurlClient.Configuration)
    case mail(Envelope, SMTPServer, CurlClient.Configuration)

    var isMail: Bool {
        if case .mail = self { true } else { false }
    }
}

/// What a transfer brought.
struct TransferResult: Sendable {
    var status: Int
    var headers: HTTPFields
    var body: [UInt8]

    var httpResponse: HTTPResponse { HTTPResponse(status: status, headers: headers, body: body) }
}
