private import Foundation

extension OTLPExporterConfiguration {
    /// Creates a configuration from the standard variables.
    ///
    /// Reads `OTEL_EXPORTER_OTLP_…` and, with precedence, the signal's own such as `OTEL_EXPORTER_OTLP_TRACES_…`:
    /// `ENDPOINT` (the generic one gets the signal's path appended, the other is used as it is), `PROTOCOL`, `HEADERS`,
    /// `COMPRESSION`, `TIMEOUT` (milliseconds), `CERTIFICATE`, `CLIENT_KEY`, `CLIENT_CERTIFICATE` and `INSECURE`, which
    /// here allows plain `http` to a public host. An empty variable counts as not set, and so does one that cannot be
    /// used. Implements the "OTLP Exporter" and "Environment Variables" specifications.
    ///
    /// - Parameters:
    ///   - environment: The variables.
    ///   - signal: What is sent.
    ///   - problems: Gets a sentence for each value that cannot be used, which says what is used instead. Header values
    ///     are never part of it. A variable that it has a sentence about is not reported again: the generic ones are read
    ///     for each signal.
    public init(environment: [String: String], signal: OTLPSignal = .traces, problems: inout [String]) {
        self.init(signal: signal)
        var reader = VariableReader(environment: environment, signal: signal)
        readEndpoint(&reader)
        reader.read("PROTOCOL", default: "http/protobuf") { $0.lowercased() == "http/protobuf" ? $0 : nil }
        if let compression = reader.read("COMPRESSION", default: "none", { Compression(rawValue: $0.lowercased()) }) {
            self.compression = compression
        }
        if let milliseconds = reader.read("TIMEOUT", default: "10000", { Int32($0).flatMap { $0 < 0 ? nil : $0 } }) {
            timeout = .milliseconds(milliseconds)
        }
        certificateFile = reader.file("CERTIFICATE")
        clientKeyFile = reader.file("CLIENT_KEY")
        clientCertificateFile = reader.file("CLIENT_CERTIFICATE")
        if clientKeyFile != nil, clientCertificateFile == nil, let name = reader.values("CLIENT_KEY").first?.name {
            reader.problems.append("\(name): there is no client certificate for it; no client certificate is used")
            clientKeyFile = nil
        }
        readHeaders(&reader)
        let reported = Set(problems.compactMap(Self.variable(of:)))
        problems += reader.problems.filter { Self.variable(of: $0).map { !reported.contains($0) } ?? true }
    }

    /// What a sentence is about: the name of a variable at its beginning.
    private static func variable(of problem: String) -> Substring? {
        let name = problem.prefix { $0 == "_" || $0.isASCII && $0.isUppercase }
        return name.isEmpty ? nil : name
    }

    private mutating func readEndpoint(_ reader: inout VariableReader) {
        allowsPlaintext =
            reader.read("INSECURE", default: "false") { ["true": true, "false": false][$0.lowercased()] } ?? false
        var refused: [String] = []
        for (name, value, isOwn) in reader.values("ENDPOINT") {
            let shown = Self.shown(value)
            guard let url = EndpointURL(value),
                let complete = isOwn ? value : EndpointURL.appending(reader.signal.path, to: value)
            else {
                refused.append("\(name): \(shown) is not an http or https URL")
                continue
            }
            guard url.isEncrypted || url.isNearby || allowsPlaintext else {
                refused.append(
                    "\(name): \(shown) would get telemetry unencrypted through a public network; use https or set "
                        + "OTEL_EXPORTER_OTLP_INSECURE=true"
                )
                continue
            }
            endpoint = complete
            break
        }
        reader.problems += refused.map { "\($0); \(endpointForLog) is used" }
    }

    /// A URL without what could be secret: user, password, query and fragment.
    private static func shown(_ value: String) -> String {
        guard value.contains(where: { "@?#".contains($0) }) else { return "\"\(value)\"" }
        guard let url = EndpointURL(value) else { return "the value, not shown because it may have a secret," }
        return "\"\(url.loggable)\", not shown as a whole because it may have a secret,"
    }

    /// `name=value` pairs with commas between them, values percent-encoded, as W3C Baggage writes them.
    private mutating func readHeaders(_ reader: inout VariableReader) {
        guard let (name, list, _) = reader.values("HEADERS").first else { return }
        for (index, member) in list.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            if parts == [""] { continue }
            guard parts.count == 2, let decoded = parts[1].removingPercentEncoding else {
                reader.problems.append("\(name): member \(index + 1) is not name=value; it is left out")
                continue
            }
            let header = Header(name: parts[0], value: decoded)
            if let problem = header.problem {
                reader.problems.append("\(name): member \(index + 1) \(problem); it is left out")
                continue
            }
            headers.append(header)
        }
    }
}

/// Reads the variables of one exporter and collects what is wrong with them.
private struct VariableReader {
    let environment: [String: String]
    let signal: OTLPSignal
    var problems: [String] = []

    /// The signal's own variable and the generic one, those of them that are not empty.
    func values(_ suffix: String) -> [(name: String, value: String, isOwn: Bool)] {
        [signal.variableInfix + "_", ""].compactMap { infix in
            let name = "OTEL_EXPORTER_OTLP_\(infix)\(suffix)"
            let value = environment[name]?.trimmingCharacters(in: .whitespaces) ?? ""
            return value.isEmpty ? nil : (name, value, !infix.isEmpty)
        }
    }

    @discardableResult
    mutating func read<Value>(_ suffix: String, default fallback: String, _ convert: (String) -> Value?) -> Value? {
        var refused: [String] = []
        var result: Value?
        var used = fallback
        for (name, value, _) in values(suffix) {
            if let converted = convert(value) {
                result = converted
                used = value
                break
            }
            refused.append("\(name): \"\(value)\" is not supported")
        }
        problems += refused.map { "\($0); \(used) is used" }
        return result
    }

    /// A path of a file that must be readable.
    mutating func file(_ suffix: String) -> String? {
        var refused: [String] = []
        var result: String?
        for (name, path, _) in values(suffix) {
            if Self.isReadableFile(path) {
                result = path
                break
            }
            refused.append("\(name): \"\(path)\" cannot be read")
        }
        problems += refused.map { $0 + (result.map { "; \"\($0)\" is used" } ?? "; it is left out") }
        return result
    }

    /// A folder can be read too, but not as a certificate.
    private static func isReadableFile(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
            && FileManager.default.isReadableFile(atPath: path)
    }
}
