/// The colours of a rendering; without colours every text stays as it is.
package struct Paint {
    package enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case yellow = "33"
        case boldRed = "1;31"
        case boldYellow = "1;33"
        case green = "32"
        case blue = "34"
        case magenta = "35"
        case cyan = "36"
    }

    package let isOn: Bool

    package init(isOn: Bool) {
        self.isOn = isOn
    }

    package func callAsFunction(_ text: String, _ style: Style?) -> String {
        guard isOn, let style, !text.isEmpty else { return text }
        return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
    }

    /// The colour of a service: the same one on every line of a trace. Red and yellow are kept for errors and waits.
    package static func style(ofService index: Int) -> Style {
        [.cyan, .green, .magenta, .blue][index % 4]
    }
}
