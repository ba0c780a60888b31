extension TraceRenderer {
    /// Writes a journey as a table of its stages with a time axis, followed by attempts, skew and what is missing.
    ///
    /// - Parameter journey: the journey.
    /// - Returns: lines that are at most ``columns`` wide, each with its line end.
    public func render(_ journey: Journey) -> String {
        var lines = journeyHeader(journey)
        lines.append("")
        let widths = stageWidths(journey)
        lines.append(paint(stageHeading(widths), .dim))
        for stage in journey.stages { lines.append(stageRow(stage, of: journey, widths)) }
        lines.append(totalRow(journey, widths))
        lines += attempts(journey)
        if !journey.skews.isEmpty { lines += list("clock skew", journey.skews.map(\.description)) }
        if !journey.missing.isEmpty { lines += list("missing", journey.missing) }
        return lines.map { trimmed($0) + "\n" }.joined()
    }

    private struct StageWidths {
        let stage: Int
        let bar: Bar?
    }

    private static let share = 7

    private func stageWidths(_ journey: Journey) -> StageWidths {
        let stage = journey.stages.map { TerminalText.width(label($0)) }.max() ?? 0
        let room = columns - stage - 2 * (Layout.time + 2) - Self.share - 2 - 2
        return StageWidths(
            stage: stage,
            bar: room >= 16 ? Bar(width: min(60, room), total: journey.endToEndNanoseconds) : nil
        )
    }

    private func journeyHeader(_ journey: Journey) -> [String] {
        var title = journey.event.map { TerminalText.printable($0.type) } ?? "no event"
        if let id = journey.event?.id { title += "  " + TerminalText.printable(id) }
        var parts = ["end to end " + TimeText.short(journey.endToEndNanoseconds)]
        if !journey.isRecorded { parts[0] += " (as far as known)" }
        if let cause = journey.cause, let time = journey[cause] {
            parts.append("longest stage " + cause.rawValue + ", " + TimeText.percent(time.share))
        }
        if journey.attempts.count > 1 { parts.append(count(journey.attempts.count, "attempt")) }
        return [
            paint(TerminalText.truncated(title, to: columns), .bold),
            TerminalText.truncated("trace " + journey.traceID, to: columns),
        ] + TerminalText.wrapped(parts.joined(separator: " · "), to: columns)
    }

    private func stageHeading(_ widths: StageWidths) -> String {
        var line = TerminalText.fitted("STAGE", to: widths.stage)
        line += "  " + TerminalText.fitted("START", to: Layout.time, right: true)
        line += "  " + TerminalText.fitted("DURATION", to: Layout.time, right: true)
        line += "  " + TerminalText.fitted("SHARE", to: Self.share, right: true)
        if let bar = widths.bar { line += "  " + bar.scale }
        return line
    }

    private func stageRow(_ time: Journey.StageTime, of journey: Journey, _ widths: StageWidths) -> String {
        let isCause = time.stage == journey.cause
        let happened = time.startNanoseconds != nil
        let start = time.startNanoseconds.map { TimeText.short($0) } ?? "–"
        let duration = happened ? TimeText.short(time.durationNanoseconds) : "–"
        let share = happened ? TimeText.percent(time.share) : "–"
        var line = TerminalText.fitted(label(time), to: widths.stage)
        line += "  " + TerminalText.fitted(start, to: Layout.time, right: true)
        line += "  " + TerminalText.fitted(duration, to: Layout.time, right: true)
        line += "  " + TerminalText.fitted(share, to: Self.share, right: true)
        line = paint(line, isCause ? .boldYellow : happened ? nil : .dim)
        guard let bar = widths.bar, happened else { return line }
        let isWait = time.stage.rawValue.hasSuffix("_wait") || time.stage == .other
        var periods = time.periods.map { (start: $0.start, end: $0.end) }
        if periods.isEmpty, let start = time.startNanoseconds { periods = [(start, start)] }
        return line + "  " + paint(bar.draw(periods, fill: isWait ? "░" : "█"), isCause ? .yellow : .cyan)
    }

    private func totalRow(_ journey: Journey, _ widths: StageWidths) -> String {
        let sum = journey.stages.reduce(UInt64(0)) { $0 + $1.durationNanoseconds }
        var line = TerminalText.fitted("total", to: widths.stage)
        line += "  " + TerminalText.fitted("", to: Layout.time)
        line += "  " + TerminalText.fitted(TimeText.short(sum), to: Layout.time, right: true)
        return paint(line, .bold)
    }

    private func attempts(_ journey: Journey) -> [String] {
        guard journey.attempts.count > 1 || journey.attempts.contains(where: { $0.error != nil }) else { return [] }
        var lines = ["", paint("attempts", .bold)]
        for attempt in journey.attempts {
            let number = TerminalText.fitted("\(attempt.number)", to: 4, right: true)
            let start = TerminalText.fitted(TimeText.short(attempt.startNanoseconds), to: Layout.time, right: true)
            let took = TerminalText.fitted(TimeText.short(attempt.durationNanoseconds), to: Layout.time, right: true)
            let result = attempt.error.map { "✗ " + TerminalText.printable($0) } ?? "✓"
            let room = columns - 4 - 2 * (Layout.time + 2) - 10
            lines.append(
                number + "  at " + start + "  took " + took + "  "
                    + paint(TerminalText.truncated(result, to: room), attempt.error == nil ? .green : .red)
            )
        }
        return lines
    }

    private func label(_ time: Journey.StageTime) -> String {
        let name = time.stage.rawValue
        return time.count > 1 && time.stage != .other ? "\(name) ×\(time.count)" : name
    }
}
