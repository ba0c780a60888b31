private import Foundation

@testable private import OTLPExporter

extension FuzzTarget {
    private static let variable = "OTEL_EXPORTER_OTLP_HEADERS"
    private static let tracesVariable = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
    private static let canary = "kanarienvogel"

    /// `OTEL_EXPORTER_OTLP_HEADERS`: the input is the variable's value.
    static let otlpHeaders = FuzzTarget(name: "otlp-headers") { input in
        // No variable of a process's environment holds a NUL.
        let text = input.text.replacing("\0", with: "")
        let (headers, problems) = read([variable: text])
        for header in headers { requireSendable(header) }
        let members = text.split(separator: ",").filter { !$0.trimmingCharacters(in: .whitespaces).isEmpty }
        require(headers.count + problems.count == members.count, "each of \(members) is a header or a problem")
        require(problems.allSatisfy { $0.hasPrefix("\(variable): ") }, "\(problems) name the variable")

        let (specific, specificProblems) = read([variable: "generic=value", tracesVariable: text])
        if !members.isEmpty {
            require(specific == headers, "\(tracesVariable) has precedence")
            require(specificProblems.count == problems.count, "\(tracesVariable) has the same problems")
        }
        requireSecret(text)
        requireReadBack(headers)
    }

    private static func read(
        _ environment: [String: String]
    ) -> (headers: [OTLPExporterConfiguration.Header], problems: [String]) {
        var problems: [String] = []
        let configuration = OTLPExporterConfiguration(environment: environment, problems: &problems)
        require(configuration.endpoint == OTLPExporterConfiguration().endpoint, "headers change no endpoint")
        return (configuration.headers, problems)
    }

    /// RFC 9110 §5: a header that cannot smuggle another one, and that is not the exporter's own.
    private static func requireSendable(_ header: OTLPExporterConfiguration.Header) {
        let symbols = "!#$%&'*+-.^_`|~"
        require(!header.name.isEmpty, "a header has a name")
        require(
            header.name.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType == .decimal)
                    || symbols.unicodeScalars.contains($0)
            },
            "\(header.name) is a token"
        )
        require(
            header.value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 },
            "\(header.value) has no line end and no other control characters"
        )
        let own = ["content-type", "content-encoding", "content-length", "transfer-encoding", "expect"]
        require(!own.contains(header.name.lowercased()), "\(header.name) belongs to the exporter")
    }

    /// Values are secrets: no problem shows a part of one, nor of what may be one that lacks its name.
    private static func requireSecret(_ text: String) {
        let marked = text.replacing(",", with: canary + ",") + canary
        let problems = read([variable: marked]).problems
        require(problems.allSatisfy { !$0.contains(canary) }, "\(problems) show no values")
    }

    /// Whoever writes headers in percent-encoding gets them.
    private static func requireReadBack(_ headers: [OTLPExporterConfiguration.Header]) {
        let list = headers.map { header in
            header.name + "=" + header.value.utf8.map { "%" + String(0x100 + Int($0), radix: 16).dropFirst() }.joined()
        }
        let (second, problems) = read([variable: list.joined(separator: ",")])
        require(
            second == headers && problems.isEmpty,
            "\(headers) are read as they were written: \(second) \(problems)"
        )
    }
}
