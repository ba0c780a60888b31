import ContrailCLI
import Foundation
import LocalStack
import Logging
import TestKit
import Testing

/// A real Prometheus that scrapes the stack's services every second, a job each.
struct PrometheusServer: Sendable {
    /// One series of an answer.
    struct Sample: Sendable {
        let labels: [String: String]
        let value: Double
    }

    let peer: Peer

    /// Starts a server, lends it to a body, and stops it.
    ///
    /// - Parameters:
    ///   - stack: What it scrapes.
    ///   - port: Where it is to listen; `nil` for any free port.
    ///   - rules: A file of rules, evaluated every second.
    ///   - alertmanager: The port of the Alertmanager that gets its alerts.
    ///   - body: What uses it.
    static func run<T>(
        _ stack: Stack,
        port: Int? = nil,
        rules: String? = nil,
        alertmanager: Int? = nil,
        _ body: (PrometheusServer) async throws -> T
    ) async throws -> T {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let installation = try await Installation.find("prometheus", logger: logger)
        let admin = Admin(stack)
        let jobs = stack.services.map { service in
            """
              - job_name: \(service.name)
                static_configs: [{targets: ["127.0.0.1:\(admin.port(of: service.name))"]}]
            """
        }
        var alerting = rules == nil ? "" : "rule_files: [rules.yml]\n"
        if let alertmanager {
            alerting += #"alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:\#(alertmanager)"]}]}]}"#
        }
        let peer = try await Peer.start("prometheus", port: port) { port, folder in
            try rules?.write(toFile: folder + "/rules.yml", atomically: true, encoding: .utf8)
            try """
            global:
              scrape_interval: 1s
              evaluation_interval: 1s
            \(alerting)
            scrape_configs:
            \(jobs.joined(separator: "\n"))

            """
            .write(toFile: folder + "/prometheus.yml", atomically: true, encoding: .utf8)
            return Command(
                executable: installation.executable,
                arguments: [
                    // What Prometheus cannot parse it tells at this level only.
                    "--log.level=debug", "--config.file=\(folder)/prometheus.yml",
                    "--enable-feature=exemplar-storage", "--storage.tsdb.path=\(folder)/data",
                    "--web.listen-address=127.0.0.1:\(port)",
                ]
            )
        } isReady: {
            (try? await Admin.get($0.url + "/-/ready"))?.status == 200
        }
        return try await peer.lend { try await body(PrometheusServer(peer: $0)) }
    }

    /// The lines that complain.
    var complaints: [String] {
        peer.text("log").split(separator: "\n").map(String.init).filter {
            $0.contains("level=warn") || $0.contains("level=error") || $0.contains("msg=\"Append failed\"")
                || $0.contains("msg=\"Scrape failed\"") || $0.contains("err=")
        }
    }

    /// Evaluates an expression.
    func query(_ expression: String) async throws -> [Sample] {
        struct Answer: Decodable {
            struct Outcome: Decodable {
                let result: [Series]
            }
            struct Series: Decodable {
                let metric: [String: String]
                let value: Point
            }
            /// `[time, "value"]`
            struct Point: Decodable {
                let value: Double

                init(from decoder: any Decoder) throws {
                    var container = try decoder.unkeyedContainer()
                    _ = try container.decode(Double.self)
                    value = Double(try container.decode(String.self)) ?? .nan
                }
            }
            let data: Outcome
        }
        let encoded = expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let (status, body, _) = try await Admin.get("\(peer.url)/api/v1/query?query=\(encoded)")
        try #require(status == 200, "\(expression): \(body)")
        return try JSONDecoder().decode(Answer.self, from: Data(body.utf8)).data.result.map {
            Sample(labels: $0.metric, value: $0.value.value)
        }
    }

    /// The labels of the exemplars of an expression's series since the server started.
    func exemplars(_ expression: String) async throws -> [[String: String]] {
        struct Answer: Decodable {
            struct Series: Decodable {
                let exemplars: [Exemplar]
            }
            struct Exemplar: Decodable {
                let labels: [String: String]
            }
            let data: [Series]
        }
        let encoded = expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let now = Date().timeIntervalSince1970
        let range = "start=\(Int(now) - 3600)&end=\(Int(now) + 60)"
        let (status, body, _) = try await Admin.get("\(peer.url)/api/v1/query_exemplars?query=\(encoded)&\(range)")
        try #require(status == 200, "\(expression): \(body)")
        return try JSONDecoder().decode(Answer.self, from: Data(body.utf8)).data.flatMap(\.exemplars).map(\.labels)
    }

    /// The sum of an expression's series; zero when there are none.
    func value(_ expression: String) async throws -> Double {
        try await query("sum(\(expression))").first?.value ?? 0
    }

    /// Waits until the sum of an expression's series is what is expected, and returns it.
    func value(_ expression: String, until expected: Double) async throws -> Double {
        var value = 0.0
        _ = try await eventually {
            value = try await self.value(expression)
            return value == expected
        }
        return value
    }
}
