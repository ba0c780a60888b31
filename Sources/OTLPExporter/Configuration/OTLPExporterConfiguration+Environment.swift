private import Foundation

extension OTLPExporterConfiguration {
    /// Creates a configuration from the standard variables.
    ///
    /// Reads `OTEL_EXPORTER_OTLP_…` and, with precedence, the signal's own such as `OTEL_EXPORTER_OTLP_TRACES_…`:
    /// `ENDPOINT` (the generic one gets the signal's path appended, the other is used as it is), `PROTOCOL`, `HEADERS`,
    /// `COMPRESSION`, `TIMEOUT` (milliseconds), `CERTIFICATE`, `CLIENT_KEY`, `CLIENT_CERTIFICATE` and `INSECURE`, which
    /// here allows plain `http` to a public host. An empty variable counts as not set.
    ///
    /// - Parameters:
    ///   - environment: The variables.
    ///   - signal: What is sent.
    ///   - problems: Gets a sentence for each value that cannot be used, which says what is used instead. Header values
    ///     are never part of it.
    public init(environment: [String: String], signal: OTLPSignal = .traces, problems: inout [String]) {
        self.init(signal: signal)
        var reader = VariableReader(environment: environment, signal: signal)
        readEndpoint(&reader)
        reader.read("PROTOCOL", insteadUses: "http/protobuf") { $0 == "http/protobuf" ? $0 : nil }
        if let compression = reader.read("COMPRESSION", insteadUses: "none", Compression.init) {
            self.compression = compression
        }
        if let milliseconds = reader.read("TIMEOUT", insteadUses: "10000", { Int64($0).flatMap { $0 < 0 ? nil : $0 } })
        {
            timeout = .milliseconds(milliseconds)
        }
        certificateFile = reader.file("CERTIFICATE")
        clientKeyFile = reader.file("CLIENT_KEY")
        clientCertificateFile = reader.file("CLIENT_CERTIFICATE")
        readHeaders(&reader)
        problems += reader.problems
    }

    private mutating func readEndpoint(_ reader: inout VariableReader) {
        allowsPlaintext =
            reader.read("INSECURE", insteadUses: "false") { ["true": true, "false": false][$0.lowercased()] } ?? false
        guard let (name, value) = reader.value("ENDPOINT") else { return }
        let signal = reader.signal
        let isVerbatim = name.contains("_\(signal.variableInfix)_")
        let shown = value.contains("@") ? "the value, not shown because it has a password," : "\"\(value)\""
        guard let url = EndpointURL(value),
            let complete = isVerbatim ? value : EndpointURL.appending(signal.path, to: value)
        else {
            reader.problems.append("\(name): \(shown) is not an http or https URL; \(endpoint) is used")
            return
        }
        guard url.isEncrypted || url.isNearby || allowsPlaintext else {
            reader.problems.append(
                "\(name): \(shown) would get telemetry unencrypted through a public network; use https or set "
                    + "OTEL_EXPORTER_OTLP_INSECURE=true; \(endpoint) is used"
            )
            return
        }
        endpoint = complete
    }

    /// `name=value` pairs with commas between them, values percent-encoded, as W3C Baggage writes them.
    private mutating func readHeaders(_ reader: inout VariableReader) {
        guard let (name, list) = reader.value("HEADERS") else { return }
        for (index, member) in list.split(separator: ",", omittingEmptySubsequences: true).enumerated() {
            let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
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

    /// The signal's own variable, or else the generic one, unless it is empty.
    func value(_ suffix: String) -> (name: String, value: String)? {
        for infix in [signal.variableInfix + "_", ""] {
            let name = "OTEL_EXPORTER_OTLP_\(infix)\(suffix)"
            let value = environment[name]?.trimmingCharacters(in: .whitespaces) ?? ""
            if !value.isEmpty { return (name, value) }
        }
        return nil
    }

    @discardableResult
    mutating func read<Value>(
        _ suffix: String,
        insteadUses fallback: String,
        _ convert: (String) -> Value?
    ) -> Value? {
        guard let (name, value) = value(suffix) else { return nil }
        if let converted = convert(value) { return converted }
        problems.append("\(name): \"\(value)\" is not supported; \(fallback) is used")
        return nil
    }

    /// A path of a file that must be readable.
    mutating func file(_ suffix: String) -> String? {
        guard let (name, path) = value(suffix) else { return nil }
        if FileManager.default.isReadableFile(atPath: path) { return path }
        problems.append("\(name): \"\(path)\" cannot be read; it is left out")
        return nil
    }
}
