internal import CCurl

/// An `http` or `https` URL, read by libcurl's own parser so that nobody understands it differently.
struct EndpointURL {
    let isEncrypted: Bool
    let host: String
    /// Its own or the scheme's.
    let port: String
    /// The URL without user, password, query and fragment.
    let loggable: String

    init?(_ text: String) {
        guard let parts = Self.parse(text) else { return nil }
        defer { curl_url_cleanup(parts) }
        guard let scheme = Self.part(parts, CURLUPART_SCHEME), scheme == "http" || scheme == "https",
            let host = Self.part(parts, CURLUPART_HOST), !host.isEmpty
        else { return nil }
        isEncrypted = scheme == "https"
        self.host = host.lowercased()
        port = Self.part(parts, CURLUPART_PORT, flags: UInt32(CURLU_DEFAULT_PORT)) ?? ""
        for secret in [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT] {
            curl_url_set(parts, secret, nil, 0)
        }
        loggable = Self.part(parts, CURLUPART_URL) ?? "\(scheme)://\(host)"
    }

    /// The URL with a path added to its own: the rule of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    static func appending(_ path: String, to text: String) -> String? {
        guard EndpointURL(text) != nil, let parts = parse(text) else { return nil }
        defer { curl_url_cleanup(parts) }
        let base = part(parts, CURLUPART_PATH) ?? "/"
        guard curl_url_set(parts, CURLUPART_PATH, base + (base.hasSuffix("/") ? "" : "/") + path, 0) == CURLUE_OK else {
            return nil
        }
        return part(parts, CURLUPART_URL)
    }

    /// Whether the host is this one or in a private network: loopback, a name without dots, a cluster's name, a private
    /// address.
    var isNearby: Bool {
        if host.hasPrefix("[") {
            let address = host.dropFirst()
            return address.hasPrefix("::1]") || address.hasPrefix("fc") || address.hasPrefix("fd")
                || address.hasPrefix("fe80:")
        }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = labels.compactMap { UInt8($0) }
        if labels.count == 4, numbers.count == 4 {
            return switch (numbers[0], numbers[1]) {
            case (127, _), (10, _), (192, 168), (172, 16...31), (169, 254), (100, 64...127): true
            default: false
            }
        }
        let privateZones = [".svc", ".svc.cluster.local", ".internal", ".local", ".localhost"]
        return labels.count == 1 || privateZones.contains { host.hasSuffix($0) }
    }

    private static func parse(_ text: String) -> OpaquePointer? {
        guard let parts = curl_url() else { return nil }
        guard curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK else {
            curl_url_cleanup(parts)
            return nil
        }
        return parts
    }

    private static func part(_ parts: OpaquePointer, _ part: CURLUPart, flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(parts, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
