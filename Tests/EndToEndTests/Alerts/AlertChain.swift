import ContrailCLI
import Foundation
import HTTPTransport
import LocalStack
import Logging
import Testing

/// A real Alertmanager, the real `contrail alert-enricher` that is its receiver, and a receiver behind that.
struct AlertChain: Sendable {
    /// What the receiver answered to, and with what.
    struct Webhook: Decodable, Sendable {
        struct Notification: Decodable, Sendable {
            let receiver: String
            let version: String
            let alerts: [Alert]
            let commonAnnotations: [String: String]
        }

        struct Alert: Decodable, Sendable {
            let status: String
            let labels: [String: String]
            let annotations: [String: String]
            let generatorURL: String
            let fingerprint: String
        }

        let status: Int
        let headers: [String: String]
        let body: Notification
    }

    let alertmanager: Peer
    let enricher: Peer
    let receiver: Peer

    /// Runs a chain for the time of a body.
    ///
    /// - Parameters:
    ///   - prometheus: Where the enricher asks for exemplars.
    ///   - jaeger: Where the enricher's links lead.
    ///   - options: Further options of the enricher.
    ///   - body: What uses it.
    static func run<T>(
        prometheus: String,
        jaeger: String = "http://jaeger:16686",
        options: [String] = [],
        _ body: (AlertChain) async throws -> T
    ) async throws -> T {
        try await Peer.python("webhook_receiver.py").lend { receiver in
            try await startEnricher(
                ["--prometheus", prometheus, "--jaeger", jaeger, "--forward", receiver.url + "/hook"] + options
            ).lend { enricher in
                try await startAlertmanager(webhook: enricher.url + "/alerts").lend { alertmanager in
                    try await body(
                        AlertChain(alertmanager: alertmanager, enricher: enricher, receiver: receiver)
                    )
                }
            }
        }
    }

    static func startEnricher(_ options: [String]) async throws -> Peer {
        try await Peer.start("alert-enricher") { port, _ in
            Command(
                executable: "\(StackTrait.programs)/contrail",
                arguments: ["alert-enricher", "--listen", "127.0.0.1:\(port)"] + options
            )
        } isReady: {
            (try? await Admin.get($0.url + "/livez"))?.status == 200
        }
    }

    private static func startAlertmanager(webhook: String) async throws -> Peer {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        // Debian calls it by another name.
        let installation: Installation
        if let found = try? await Installation.find("alertmanager", logger: logger) {
            installation = found
        } else {
            installation = try await Installation.find("prometheus-alertmanager", logger: logger)
        }
        return try await Peer.start("alertmanager") { port, folder in
            try """
            route: {receiver: enricher, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}
            receivers:
              - name: enricher
                webhook_configs: [{url: "\(webhook)", send_resolved: true}]

            """
            .write(toFile: folder + "/alertmanager.yml", atomically: true, encoding: .utf8)
            return Command(
                executable: installation.executable,
                arguments: [
                    "--config.file=\(folder)/alertmanager.yml", "--storage.path=\(folder)/data",
                    "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
                ]
            )
        } isReady: {
            (try? await Admin.get($0.url + "/-/ready"))?.status == 200
        }
    }

    /// What the receiver has answered to so far.
    func webhooks() throws -> [Webhook] { try receiver.lines("webhooks.jsonl") }

    /// Gives Alertmanager an alert that fires, as Prometheus does.
    func fire(_ name: String, annotations: [String: String]) async throws {
        struct Alert: Encodable {
            let labels: [String: String]
            let annotations: [String: String]
        }
        let alert = Alert(labels: ["alertname": name, "severity": "page"], annotations: annotations)
        let status = try await Self.post(
            alertmanager.url + "/api/v2/alerts",
            Array(try JSONEncoder().encode([alert]))
        )
        try #require(status == 200)
    }

    /// Posts JSON and tells the status of the answer.
    static func post(_ url: String, _ json: [UInt8]) async throws -> Int {
        let client = try CurlClient()
        let result: Result<HTTPResponse, CurlError>
        do {
            result = .success(
                try await client.send(
                    HTTPRequest(
                        "POST",
                        url: url,
                        headers: ["Content-Type": "application/json"],
                        body: json,
                        timeout: .seconds(60)
                    )
                )
            )
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        return try result.get().status
    }
}
