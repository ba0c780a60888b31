internal import Foundation

/// One parsed server URL.
struct ServerAddress {
    let usesTLS: Bool
    let host: String
    let port: UInt16
    /// The part before `@`, still percent-encoded.
    let userInfo: String?

    /// Parses `[nats://|tls://][user[:password]@]host[:port]`; errors never repeat user information.
    init(_ text: String) throws(NATSError) {
        var rest = text[...]
        var scheme = "nats"
        if let range = text.range(of: "://") {
            scheme = text[..<range.lowerBound].lowercased()
            rest = text[range.upperBound...]
        }
        guard scheme == "nats" || scheme == "tls" else {
            throw NATSError(.invalidConfiguration, "'\(scheme)://' is not a NATS scheme; use nats:// or tls://")
        }
        usesTLS = scheme == "tls"
        if let at = rest.lastIndex(of: "@") {
            userInfo = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        } else {
            userInfo = nil
        }
        while rest.last == "/" { rest.removeLast() }

        var portText: Substring?
        if rest.first == "[", let bracket = rest.firstIndex(of: "]") {
            host = String(rest[...bracket])
            let after = rest[rest.index(after: bracket)...]
            portText = after.first == ":" ? after.dropFirst() : (after.isEmpty ? nil : "?")
        } else if let colon = rest.firstIndex(of: ":") {
            host = String(rest[..<colon])
            portText = rest[rest.index(after: colon)...]
        } else {
            host = String(rest)
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            throw NATSError(.invalidConfiguration, "the server URL has no usable host; write nats://host:4222")
        }
        guard let portText else {
            port = 4222
            return
        }
        guard let number = UInt16(portText), number > 0 else {
            throw NATSError(.invalidConfiguration, "'\(portText)' is not a port of server '\(host)'; use 1 to 65535")
        }
        port = number
    }

    /// The URL without user information, for libnats and for logs.
    var url: String { "\(usesTLS ? "tls" : "nats")://\(host):\(port)" }

    /// The user information as credentials: a user and a password, or one token.
    var credentials: NATSConfiguration.Credentials {
        guard let userInfo, !userInfo.isEmpty else { return .none }
        let parts = userInfo.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map {
            $0.removingPercentEncoding ?? String($0)
        }
        return parts.count == 2 ? .password(user: parts[0], password: parts[1]) : .token(parts[0])
    }
}
