public import Logging

/// How log lines look.
public struct LogFormat: Hashable, Sendable {
    enum Value: Hashable, Sendable {
        case json
        case text(isColored: Bool)
        case automatic
    }

    let value: Value

    /// One JSON object a line, for log stores.
    public static let json = LogFormat(value: .json)
    /// Aligned text for people, without colours.
    public static let text = LogFormat(value: .text(isColored: false))
    /// Aligned text for people, with ANSI colours.
    public static let coloredText = LogFormat(value: .text(isColored: true))
    /// Text when the lines go to a terminal, JSON otherwise.
    public static let automatic = LogFormat(value: .automatic)

    /// Reads a format from configuration: `json`, `text`, `color` or `auto`, in any case.
    ///
    /// - Returns: `nil` for any other text.
    public init?(_ text: String) {
        switch text.lowercased() {
        case "json": self = .json
        case "text": self = .text
        case "color": self = .coloredText
        case "auto": self = .automatic
        default: return nil
        }
    }

    private init(value: Value) {
        self.value = value
    }
}

extension Logger.Level {
    /// Reads a level from configuration: its name or OpenTelemetry's (`warn`, `fatal`), in any case.
    ///
    /// - Returns: `nil` for any other text.
    public init?(name: String) {
        switch name.lowercased() {
        case "warn": self = .warning
        case "fatal": self = .critical
        case let name: self.init(rawValue: name)
        }
    }

    /// The `SeverityNumber` of the OpenTelemetry logs data model. Critical is `ERROR2`: the process goes on.
    public var severityNumber: UInt64 {
        switch self {
        case .trace: 1
        case .debug: 5
        case .info: 9
        case .notice: 10
        case .warning: 13
        case .error: 17
        case .critical: 18
        }
    }
}
