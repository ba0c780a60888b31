/// Where telemetry is sent to, and how.
///
/// Implements the options of the OpenTelemetry "OTLP Exporter" specification for `http/protobuf`.
public struct OTLPExporterConfiguration: Sendable, Hashable {
    /// How request bodies are compressed.
    public enum Compression: String, Sendable, Hashable {
        /// Not at all.
        case none
        /// With gzip: a sixth of the bytes for about a microsecond of work per span.
        case gzip
    }

    /// A header that every request carries. Its value is taken for a secret: it is never logged.
    public struct Header: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value.
        public var value: String

        /// Creates a header.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The URL of the signal's endpoint, used as it is; `http` or `https`.
    public var endpoint: String
    /// Headers for every request, for instance authorisation.
    public var headers: [Header] = []
    /// How request bodies are compressed.
    public var compression = Compression.none
    /// How long the export of a batch may take, repetitions included; zero means until the deadline of the caller.
    public var timeout = Duration.seconds(10)
    /// A PEM file of the authorities to trust; `nil` means the system's.
    public var certificateFile: String?
    /// A PEM file with the client's certificate.
    public var clientCertificateFile: String?
    /// A PEM file with the client's private key.
    public var clientKeyFile: String?
    /// Whether telemetry may travel unencrypted beyond this host and private networks.
    public var allowsPlaintext = false
    /// The most bytes of a request before compression; larger batches are split. Collectors refuse more than 20 MiB.
    public var requestLimit = 20 << 20
    /// The wait before the first repetition; later ones are 1.5 times as long each, give or take a half.
    public var initialBackoff = Duration.seconds(1)
    /// The longest wait between repetitions.
    public var maximumBackoff = Duration.seconds(30)

    /// Creates the specification's defaults.
    ///
    /// - Parameter signal: What is sent; decides the endpoint.
    public init(signal: OTLPSignal = .traces) {
        endpoint = signal.defaultEndpoint
    }
}

extension OTLPExporterConfiguration {
    /// Refuses what would fail at the first batch or reveal telemetry.
    func validate() throws(OTLPExporterError) {
        guard let url = EndpointURL(endpoint) else {
            throw .invalid("the OTLP endpoint \(endpointForLog) is not an http or https URL")
        }
        guard url.isEncrypted || url.isNearby || allowsPlaintext else {
            throw .invalid(
                "the OTLP endpoint \(endpointForLog) would get telemetry unencrypted through a public network; "
                    + "use https, or allow it explicitly"
            )
        }
        for header in headers {
            if let problem = header.problem { throw .invalid("the OTLP header \(header.loggableName) \(problem)") }
        }
        guard requestLimit > 0 else { throw .invalid("the OTLP request limit \(requestLimit) is not positive") }
        guard timeout >= .zero else { throw .invalid("the OTLP timeout \(timeout) is negative") }
    }

    /// The endpoint without what could be secret: user, password and query.
    var endpointForLog: String { EndpointURL(endpoint)?.loggable ?? "(not a URL)" }
}

extension OTLPExporterConfiguration.Header {
    /// Names that belong to the exporter.
    private static let reserved: Set<String> = [
        "content-type", "content-encoding", "content-length", "transfer-encoding", "expect",
    ]

    /// Why the header cannot be sent (RFC 9110 §5), or `nil`.
    var problem: String? {
        let symbols = Array("!#$%&'*+-.^_`|~".utf8)
        let isToken =
            !name.isEmpty
            && name.utf8.allSatisfy { byte in
                symbols.contains(byte) || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x61...0x7A).contains(byte)
            }
        if !isToken { return "has a name that HTTP does not allow" }
        if Self.reserved.contains(name.lowercased()) { return "is set by the exporter" }
        if value.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F }) {
            return "has control characters in its value"
        }
        return nil
    }

    /// The name when it is one, so that a value that slipped into it is not shown.
    var loggableName: String { name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? "\"\(name)\"" : "(unreadable)" }
}
