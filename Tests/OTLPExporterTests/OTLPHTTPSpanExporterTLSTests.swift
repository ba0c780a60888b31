import Observability
import Testing

@testable import OTLPExporter

@Suite("OTLP/HTTPS exporter")
struct OTLPHTTPSpanExporterTLSTests {
    private let certificates: TestCertificates
    private let server: TestCertificates.Identity

    init() async throws {
        let certificates = try await onThread { try TestCertificates() }
        server = try await onThread {
            try certificates.makeIdentity("collector", alternativeName: "IP:127.0.0.1")
        }
        self.certificates = certificates
    }

    private func makeCollector(isForClientsOfAuthority: Bool = false) async throws -> HTTPSCollector {
        let clientAuthority = isForClientsOfAuthority ? certificates.authority : nil
        return try await onThread { [server] in try HTTPSCollector(server, clientAuthority: clientAuthority) }
    }

    private func makeClient() async throws -> TestCertificates.Identity {
        try await onThread { [certificates] in
            try certificates.makeIdentity("orders", alternativeName: "DNS:orders")
        }
    }

    private func exporter(
        _ collector: HTTPSCollector,
        host: String = "127.0.0.1",
        _ variables: [String: String]
    ) throws -> OTLPHTTPSpanExporter {
        var problems: [String] = []
        var environment = variables
        environment["ENDPOINT"] = "https://\(host):\(collector.port)"
        let configuration = OTLPExporterConfiguration(
            environment: Dictionary(
                uniqueKeysWithValues: environment.map { ("OTEL_EXPORTER_OTLP_\($0.key)", $0.value) }
            ),
            problems: &problems
        )
        #expect(problems == [])
        return try OTLPHTTPSpanExporter(configuration: configuration, logger: LogRecorder().logger)
    }

    @Test("trusts the authority of OTEL_EXPORTER_OTLP_CERTIFICATE, and keeps the connection")
    func privateAuthority() async throws {
        let collector = try await makeCollector()
        let exporter = try exporter(
            collector,
            ["CERTIFICATE": certificates.authority.certificate, "COMPRESSION": "gzip"]
        )
        for number in UInt64(1)...5 {
            #expect(await exporter.export([makeSpan(number)]) == SpanExportResult(exported: 1))
        }
        let requests = try await collector.requests(count: 5)
        #expect(requests.count == 5)
        #expect(Set(requests.map(\.connection)) == [0])
        #expect(Set(requests.map(\.path)) == ["/v1/traces"])
        #expect(Set(requests.map(\.encoding)) == ["gzip"])
        #expect(Set(requests.map(\.client)) == [""])
    }

    @Test("refuses a server of an unknown authority, and does not try again", arguments: [false, true])
    func unknownAuthority(hasOtherAuthority: Bool) async throws {
        let collector = try await makeCollector()
        let variables = hasOtherAuthority ? ["CERTIFICATE": certificates.stranger.certificate] : [:]
        let (result, start, end) = try await exporter(collector, variables).timedExport([makeSpan(1)])
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "connect"))
        #expect(end - start < .seconds(5))
        #expect(try await collector.requests(count: 1, within: .milliseconds(100)).isEmpty)
    }

    @Test("refuses a server whose certificate is for another host")
    func wrongHost() async throws {
        let collector = try await makeCollector()
        let variables = ["CERTIFICATE": certificates.authority.certificate]
        let result = try await exporter(collector, host: "localhost", variables).export([makeSpan(1)])
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "connect"))
        #expect(try await collector.requests(count: 1, within: .milliseconds(100)).isEmpty)
    }

    @Test("shows the client's certificate of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY")
    func clientCertificate() async throws {
        let collector = try await makeCollector(isForClientsOfAuthority: true)
        let client = try await makeClient()
        let variables = [
            "CERTIFICATE": certificates.authority.certificate, "CLIENT_CERTIFICATE": client.certificate,
            "CLIENT_KEY": client.key,
        ]
        #expect(try await exporter(collector, variables).export([makeSpan(1)]) == SpanExportResult(exported: 1))
        #expect(try await collector.requests(count: 1).map(\.client) == ["orders"])
    }

    @Test("fails at a server that wants a client's certificate when there is none")
    func noClientCertificate() async throws {
        let collector = try await makeCollector(isForClientsOfAuthority: true)
        let variables = ["CERTIFICATE": certificates.authority.certificate]
        let result = try await exporter(collector, variables).export([makeSpan(1)], within: .milliseconds(500))
        #expect(result.failed == 1)
        #expect(try await collector.requests(count: 1, within: .milliseconds(100)).isEmpty)
    }

    @Test("fails, without a repetition, with a key that is not the certificate's")
    func wrongKey() async throws {
        let collector = try await makeCollector(isForClientsOfAuthority: true)
        let client = try await makeClient()
        let variables = [
            "CERTIFICATE": certificates.authority.certificate, "CLIENT_CERTIFICATE": client.certificate,
            "CLIENT_KEY": certificates.stranger.key,
        ]
        let (result, start, end) = try await exporter(collector, variables).timedExport([makeSpan(1)])
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "connect"))
        #expect(end - start < .seconds(5))
    }
}
