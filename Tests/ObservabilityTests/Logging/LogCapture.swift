import Foundation
import Logging
import Synchronization

@testable import Observability

/// Collects what a handler writes.
final class LogCapture: Sendable {
    private let state = Mutex<[UInt8]>([])

    /// The lines so far, without their line feeds.
    var lines: [String] {
        let bytes = state.withLock { $0 }
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    var writer: LogWriter { LogWriter { line in self.state.withLock { $0 += line } } }

    var bytes: [UInt8] { state.withLock { $0 } }

    func logger(
        _ format: LogFormat,
        label: String = "orders",
        serviceName: String = "orders",
        redaction: LogRedaction = LogRedaction()
    ) -> Logger {
        let configuration = StructuredLogHandler.Configuration(
            format: format,
            level: .trace,
            serviceName: serviceName,
            redaction: redaction,
            writer: writer,
            // 2026-02-28T23:59:59.123456789Z
            clock: { 1_772_323_199_123_456_789 }
        )
        return Logger(label: label, factory: { StructuredLogHandler(label: $0, configuration: configuration) })
    }
}

/// Any JSON value, as `JSONDecoder` reads it.
enum JSONValue: Decodable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case string(String)
    case number(Double)
    case bool(Bool)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    init(stringLiteral value: String) { self = .string(value) }

    init(integerLiteral value: Int) { self = .number(Double(value)) }

    static func lines(of capture: LogCapture) throws -> [[String: JSONValue]] {
        try capture.lines.map { try JSONDecoder().decode([String: JSONValue].self, from: Data($0.utf8)) }
    }
}
