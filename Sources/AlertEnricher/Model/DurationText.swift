/// Durations as people say them.
enum DurationText {
    /// A duration, to three digits below a minute.
    static func text(_ duration: Duration) -> String {
        text(seconds: duration / .seconds(1))
    }

    /// A duration in seconds, to three digits below a minute.
    static func text(seconds: Double) -> String {
        switch seconds {
        case ..<0.001: "\(rounded(seconds * 1e6)) µs"
        case ..<1: "\(rounded(seconds * 1e3)) ms"
        case ..<60: "\(rounded(seconds)) s"
        case ..<3600: "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
        case ..<1e9: "\(Int(seconds) / 3600) h \(Int(seconds) % 3600 / 60) min"
        default: "\(seconds) s"
        }
    }

    private static func rounded(_ value: Double) -> String {
        let digits = value < 10 ? 100.0 : value < 100 ? 10 : 1
        let text = "\((value * digits).rounded() / digits)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
