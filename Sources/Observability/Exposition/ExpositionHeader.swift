/// What an exposition says about a family before its series, made once.
struct ExpositionHeader: Sendable {
    /// As text 0.0.4 has it: the help, and the type of the samples.
    let prometheusText: [UInt8]
    /// As OpenMetrics has it: the type, the unit and the help of the family.
    let openMetrics: [UInt8]

    init(_ descriptor: MetricDescriptor) {
        let text = ExpositionBuffer()
        text.appendHelp(descriptor.help, of: descriptor.name, escapesQuotes: false)
        text.appendMetadata("# TYPE ", descriptor.name, descriptor.kind.word(isInfoKnown: false))
        prometheusText = text.bytes

        let open = ExpositionBuffer()
        let family = descriptor.familyName
        open.appendMetadata("# TYPE ", family, descriptor.kind.word(isInfoKnown: true))
        // A unit that does not end the name makes the whole exposition invalid.
        if let unit = descriptor.unit?.rawValue, !unit.isEmpty, family.hasSuffix("_" + unit) {
            open.appendMetadata("# UNIT ", family, unit)
        }
        open.appendHelp(descriptor.help, of: family, escapesQuotes: true)
        openMetrics = open.bytes
    }
}

extension MetricDescriptor.Kind {
    fileprivate func word(isInfoKnown: Bool) -> String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        case .info: isInfoKnown ? "info" : "gauge"
        }
    }
}

extension ExpositionBuffer {
    fileprivate func appendMetadata(_ keyword: StaticString, _ name: String, _ text: String) {
        append(keyword)
        append(name)
        append(" ")
        append(text)
        append("\n")
    }

    fileprivate func appendHelp(_ help: String, of name: String, escapesQuotes: Bool) {
        if help.isEmpty { return }
        append("# HELP ")
        append(name)
        append(" ")
        for byte in help.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where escapesQuotes: append("\\\"")
            default: append(byte)
            }
        }
        append("\n")
    }
}
