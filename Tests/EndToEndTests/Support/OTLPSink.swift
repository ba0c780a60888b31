import Foundation
import TestKit

/// A request that `otlp_sink.py` took.
struct OTLPSinkRequest: Decodable, Sendable {
    let path: String
    let encoding: String
    let userAgent: String
    let spans: Int
    let problems: [String]
    /// The status of the collector that the request was passed on to.
    let forwarded: Int?
}

/// A log record as OpenTelemetry's own Python classes read it from the bytes that a service sent.
struct OTLPSinkLog: Decodable, Sendable {
    let service: String
    let scope: String
    let message: String
    let severity: Int
    let severityText: String
    let traceID: String
    let spanID: String
    let hasTime: Bool
    let attributes: [String: OTLPSinkSpan.Value]
}

/// A span as OpenTelemetry's own Python classes read it from the bytes that a service sent.
struct OTLPSinkSpan: Decodable, Sendable {
    /// OTLP's `SpanKind`.
    enum Kind: Int, Decodable, Sendable {
        case unspecified, `internal`, server, client, producer, consumer
    }

    struct Link: Decodable, Sendable {
        let traceID: String
        let spanID: String
        let flags: UInt32
    }

    enum Value: Decodable, Sendable, Equatable {
        case string(String)
        case int(Int64)
        case double(Double)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(String.self) {
                self = .string(value)
            } else if let value = try? container.decode(Int64.self) {
                self = .int(value)
            } else if let value = try? container.decode(Double.self) {
                self = .double(value)
            } else {
                self = .other
            }
        }
    }

    let traceID: String
    let spanID: String
    let parentSpanID: String
    let name: String
    let kind: Kind
    let flags: UInt32
    let traceState: String
    let attributes: [String: Value]
    let links: [Link]
    let status: Int
    let service: String
    let resource: [String: Value]
    let scope: String
    let schemaURL: String
    let duration: Int64

    var isBelowRemoteParent: Bool { flags & 0x200 != 0 }
}

extension Peer {
    /// The spans of a trace that have arrived at the sink.
    func spans(of traceID: String) throws -> [OTLPSinkSpan] {
        try lines("spans.jsonl", as: OTLPSinkSpan.self).filter { $0.traceID == traceID }
    }

    /// Waits for the spans of a trace until they are what is expected.
    func spans(
        of traceID: String,
        within timeout: Duration = .seconds(20),
        until isComplete: ([OTLPSinkSpan]) -> Bool
    ) async throws -> [OTLPSinkSpan] {
        var spans: [OTLPSinkSpan] = []
        _ = try await eventually(within: timeout) {
            spans = try self.spans(of: traceID)
            return isComplete(spans)
        }
        return spans
    }

    /// Waits until the tree below a trace's only outside parent looks as expected, and returns how it looks.
    func tree(of traceID: String, until expected: String) async throws -> (text: String, spans: [OTLPSinkSpan]) {
        let spans = try await spans(of: traceID) { Self.tree($0) == expected }
        return (Self.tree(spans), spans)
    }

    /// Spans as indented lines, siblings by name; a parent that is not there makes a root.
    static func tree(_ spans: [OTLPSinkSpan]) -> String {
        let ids = Set(spans.map(\.spanID))
        let children = Dictionary(grouping: spans) { ids.contains($0.parentSpanID) ? $0.parentSpanID : "" }
        func lines(below parent: String, depth: Int) -> [String] {
            (children[parent] ?? []).map { span in
                [String(repeating: "  ", count: depth) + "\(span.name) [\(span.kind)] \(span.service)"]
                    + lines(below: span.spanID, depth: depth + 1)
            }
            .sorted { $0[0] < $1[0] }.flatMap { $0 }
        }
        return lines(below: "", depth: 0).joined(separator: "\n")
    }

    /// What becomes of an event, from the publish to the notification.
    static func deliveryTree(of event: String, channel: String = "log", depth: Int) -> String {
        let lines = """
            process \(event) [consumer] notifications
              INSERT inbox [client] notifications
              UPDATE notifications [client] notifications
              contrail.users.v1.UserService/GetUser [client] notifications
                contrail.users.v1.UserService/GetUser [server] users
                  SELECT users [client] users
              deliver \(channel) [client] notifications
              record [internal] notifications
                COMMIT [client] notifications
                INSERT notifications [client] notifications
                ack \(event) [client] notifications
            stream wait [internal] notifications
            """
        return lines.split(separator: "\n").map { String(repeating: "  ", count: depth) + $0 }.joined(separator: "\n")
    }

    /// What the services record for an order, below the caller's span.
    static let orderTree = """
        contrail.orders.v1.OrderService/CreateOrder [server] orders
          INSERT events outbox [client] orders
          contrail.users.v1.UserService/GetUser [client] orders
            contrail.users.v1.UserService/GetUser [server] users
              SELECT users [client] users
          outbox wait [internal] orders
          publish order.created [producer] orders
        \(deliveryTree(of: "order.created", depth: 2))
        """
}
