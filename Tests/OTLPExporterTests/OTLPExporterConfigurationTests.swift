import Testing

@testable import OTLPExporter

@Suite("OTLP exporter configuration")
struct OTLPExporterConfigurationTests {
    private func read(_ environment: [String: String]) -> (OTLPExporterConfiguration, [String]) {
        var problems: [String] = []
        let configuration = OTLPExporterConfiguration(environment: environment, problems: &problems)
        return (configuration, problems)
    }

    @Test("uses the specification's defaults, also for empty variables")
    func defaults() {
        let (configuration, problems) = read(["OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TIMEOUT": " "])
        #expect(configuration == OTLPExporterConfiguration())
        #expect(configuration.endpoint == "http://localhost:4318/v1/traces")
        #expect(problems.isEmpty)
    }

    @Test(
        "appends the signal's path to the generic endpoint",
        arguments: [
            ("http://c:4318", "http://c:4318/v1/traces"), ("http://c:4318/", "http://c:4318/v1/traces"),
            ("http://c/my/", "http://c/my/v1/traces"),
            ("https://c.example.com/my?k=v", "https://c.example.com/my/v1/traces?k=v"),
        ]
    )
    func genericEndpoint(value: String, expected: String) {
        #expect(read(["OTEL_EXPORTER_OTLP_ENDPOINT": value]).0.endpoint == expected)
    }

    @Test("uses the traces endpoint as it is, before the generic one")
    func signalEndpoint() {
        let environment = [
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other:1",
        ]
        #expect(read(environment).0.endpoint == "http://collector:4318")
    }

    @Test("reads every option, the traces' own before the generic one")
    func options() {
        let (configuration, problems) = read([
            "OTEL_EXPORTER_OTLP_HEADERS": "a=generic",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "Authorization = Bearer%20x%3D1 ,b=2",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/etc/passwd",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        ])
        #expect(problems.isEmpty)
        #expect(
            configuration.headers == [
                OTLPExporterConfiguration.Header(name: "Authorization", value: "Bearer x=1"),
                OTLPExporterConfiguration.Header(name: "b", value: "2"),
            ]
        )
        #expect(configuration.compression == .gzip)
        #expect(configuration.timeout == .milliseconds(2500))
        #expect(configuration.certificateFile == "/etc/passwd")
    }

    @Test("reports a wrong value with its variable and what is used instead")
    func problems() {
        let (configuration, problems) = read([
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "localhost:4318",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "-1",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/does/not/exist",
        ])
        #expect(configuration == OTLPExporterConfiguration())
        #expect(
            problems == [
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: \"localhost:4318\" is not an http or https URL; "
                    + "http://localhost:4318/v1/traces is used",
                "OTEL_EXPORTER_OTLP_PROTOCOL: \"grpc\" is not supported; http/protobuf is used",
                "OTEL_EXPORTER_OTLP_COMPRESSION: \"zstd\" is not supported; none is used",
                "OTEL_EXPORTER_OTLP_TIMEOUT: \"-1\" is not supported; 10000 is used",
                "OTEL_EXPORTER_OTLP_CLIENT_KEY: \"/does/not/exist\" cannot be read; it is left out",
            ]
        )
    }

    @Test("uses the generic variable when the signal's own cannot be used, and says so")
    func fallback() {
        let (configuration, problems) = read([
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "collector",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2147483648",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "0",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "brotli",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        ])
        #expect(configuration.endpoint == "http://collector:4318/v1/traces")
        #expect(configuration.timeout == .zero)
        #expect(configuration.compression == .gzip)
        #expect(
            Set(problems) == [
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: \"collector\" is not an http or https URL; "
                    + "http://collector:4318/v1/traces is used",
                "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: \"2147483648\" is not supported; 0 is used",
                "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: \"brotli\" is not supported; GZIP is used",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: \"http/json\" is not supported; http/protobuf is used",
            ]
        )
    }

    @Test("what both signals read is reported once, and what only one of them reads too")
    func once() {
        let environment = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "nowhere", "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
            "OTEL_EXPORTER_OTLP_HEADERS": "a,b", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "soon",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318",
        ]
        var problems = ["OTEL_BSP_SCHEDULE_DELAY=x must be a number"]
        _ = OTLPExporterConfiguration(environment: environment, signal: .logs, problems: &problems)
        _ = OTLPExporterConfiguration(environment: environment, signal: .traces, problems: &problems)
        let names = problems.dropFirst().compactMap { $0.split(separator: ":").first }
        #expect(
            names.sorted() == [
                "OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
                "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
            ]
        )
    }

    @Test("reads the variables of log records apart from those of spans")
    func logs() {
        var problems: [String] = []
        let environment = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "a=logs",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=traces",
        ]
        let configuration = OTLPExporterConfiguration(environment: environment, signal: .logs, problems: &problems)
        #expect(configuration.endpoint == "http://collector:4318/v1/logs")
        #expect(configuration.headers == [.init(name: "a", value: "logs")])
        #expect(OTLPExporterConfiguration(signal: .logs).endpoint == "http://localhost:4318/v1/logs")
        #expect(problems.isEmpty)
    }

    @Test("takes files for TLS that can be read, and a client's key only with its certificate")
    func files() {
        let own = #filePath
        let both = read(["OTEL_EXPORTER_OTLP_CLIENT_KEY": own, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": own])
        #expect(both.0.clientKeyFile == own)
        #expect(both.0.clientCertificateFile == own)
        #expect(both.1.isEmpty)
        let (generic, refused) = read([
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "/", "OTEL_EXPORTER_OTLP_CERTIFICATE": own,
        ])
        #expect(generic.certificateFile == own)
        #expect(refused == ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: \"/\" cannot be read; \"\(own)\" is used"])
        let (keyOnly, problems) = read(["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": own])
        #expect(keyOnly.clientKeyFile == nil)
        #expect(
            problems == [
                "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: there is no client certificate for it; "
                    + "no client certificate is used"
            ]
        )
    }

    @Test(
        "reads headers as W3C Baggage writes them",
        arguments: [
            ("a=1", [("a", "1")]), (" a = 1 , b=2", [("a", "1"), ("b", "2")]),
            ("a=1,,\t,b=2,", [("a", "1"), ("b", "2")]),
            ("a=%C3%A9+%2C", [("a", "é+,")]), ("a=b=c==", [("a", "b=c==")]), ("a=", [("a", "")]), (",", []),
        ]
    )
    func headers(list: String, expected: [(String, String)]) {
        let (configuration, problems) = read(["OTEL_EXPORTER_OTLP_HEADERS": list])
        #expect(configuration.headers == expected.map { .init(name: $0.0, value: $0.1) })
        #expect(problems.isEmpty)
    }

    @Test("never shows a header's value or a password")
    func secrets() {
        let (configuration, problems) = read([
            "OTEL_EXPORTER_OTLP_HEADERS":
                "hunter2-without-name,a=hunter2%0d%0aInjected: x,bad name=hunter2,c=%zzhunter2,d=1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:hunter2@public.example.com",
        ])
        #expect(configuration.headers.map(\.name) == ["d"])
        #expect(problems.count == 5)
        #expect(!problems.joined().contains("hunter2"))
        for endpoint in [
            "http://public.example.com/v1?api-key=hunter2", "ftp://public.example.com/?k=hunter2", "me:hunter2@host",
            "http://public.example.com/#hunter2", "https://me:hunter2@",
        ] {
            let problems = read(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint]).1
            #expect(problems.count == 1)
            #expect(!problems.joined().contains("hunter2"), "\(problems)")
        }
    }

    @Test(
        "refuses to send spans unencrypted through a public network",
        arguments: ["http://collector.example.com:4318", "http://8.8.8.8", "http://[2001:db8::1]:4318"]
    )
    func plaintext(value: String) {
        let (configuration, problems) = read(["OTEL_EXPORTER_OTLP_ENDPOINT": value])
        #expect(configuration.endpoint == OTLPExporterConfiguration().endpoint)
        #expect(problems.count == 1)
        let allowed = ["OTEL_EXPORTER_OTLP_ENDPOINT": value, "OTEL_EXPORTER_OTLP_INSECURE": "true"]
        #expect(read(allowed).0.endpoint == value + "/v1/traces")
    }

    @Test(
        "sends spans unencrypted within a host, a cluster or a private network",
        arguments: [
            "http://localhost:4318", "http://127.0.0.1", "http://[::1]:4318", "http://jaeger:4318", "http://10.1.2.3",
            "http://172.31.0.1", "http://192.168.1.1", "http://otel.monitoring.svc.cluster.local:4318",
            "http://otel.monitoring.svc", "https://collector.example.com",
        ]
    )
    func nearby(value: String) {
        #expect(read(["OTEL_EXPORTER_OTLP_ENDPOINT": value]).1.isEmpty)
    }

    @Test("refuses an exporter whose configuration cannot work")
    func validation() {
        let changes: [@Sendable (inout OTLPExporterConfiguration) -> Void] = [
            { $0.endpoint = "ftp://localhost/" }, { $0.endpoint = "http://example.com/" },
            { $0.headers = [.init(name: "x", value: "1\r\nInjected: 2")] },
            { $0.headers = [.init(name: "x y", value: "")] },
            { $0.headers = [.init(name: "Content-Type", value: "text/plain")] }, { $0.requestLimit = 0 },
        ]
        for change in changes {
            #expect(throws: OTLPExporterError.self) { try makeExporter("http://localhost", change) }
        }
    }
}
