internal import Testing

@testable internal import TraceBackend

@Suite("Renderer")
struct RendererTests {
    private let failures = ["450 4.7.1 greylisted, try again later"]

    @Test("A trace is a tree with aligned columns and bars on one time axis")
    func trace() {
        let trace = SyntheticOrder.order(failures: failures).trace
        #expect(TraceRenderer(columns: 110).render(trace) == RendererGoldens.trace)
    }

    @Test("A journey is a table of stages with the longest one named")
    func journey() {
        #expect(
            TraceRenderer(columns: 100).render(Journey(SyntheticOrder.order(failures: failures).trace))
                == RendererGoldens.journey
        )
    }

    @Test("A narrow terminal gets no bars; problems are listed below")
    func narrow() {
        let trace = SyntheticOrder.order(consumerClock: -50_000).without("contrail demo")
        #expect(TraceRenderer(columns: 80).render(trace) == RendererGoldens.narrow)
    }

    @Test("A journey with gaps says what is missing and which clocks disagree")
    func incomplete() {
        let trace = SyntheticOrder.order(consumerClock: -50_000).without("deliver smtp")
        #expect(TraceRenderer(columns: 60).render(Journey(trace)) == RendererGoldens.incomplete)
    }

    @Test("No line is wider than the terminal", arguments: [50, 60, 79, 80, 99, 100, 120, 200])
    func width(_ columns: Int) {
        var order = SyntheticOrder.order(failures: failures)
        order.change("INSERT notifications") { $0.name = String(repeating: "通知を保存する", count: 20) }
        order.change("ack order.created") { $0.service = "a-service-with-a-very-long-name" }
        let renderer = TraceRenderer(columns: columns)
        let text = renderer.render(order.trace) + renderer.render(Journey(order.without("deliver smtp")))
        for line in text.split(separator: "\n") {
            #expect(TerminalText.width(String(line)) <= columns, "\(line)")
        }
        #expect(text.contains("…"))
    }

    @Test("Colours change no visible character and are absent unless asked for")
    func colors() {
        let trace = SyntheticOrder.order(failures: failures).trace
        let plain = TraceRenderer().render(trace)
        let colored = TraceRenderer(color: true).render(trace)
        #expect(!plain.contains("\u{1B}"))
        #expect(colored.contains("\u{1B}[1;31m✗ process order.created\u{1B}[0m"))
        let visible = colored.replacing(#/\u{1B}\[[0-9;]*m/#, with: "").replacing(#/ +\n/#, with: "\n")
        #expect(visible == plain)
    }

    @Test("A control sequence in a name does not reach the terminal")
    func controlCharacters() {
        var order = SyntheticOrder.order(failures: failures)
        order.change("record") { $0.name = "\u{1B}]0;owned\u{07}record\r\n\u{202E}" }
        order.change("deliver smtp") { $0.status.message = "line\n\u{1B}[2J" }
        order.change("SELECT users") { $0.service = "\u{9B}31m" }
        order.change("process order.created") { $0.status = .init(.error, message: "a\u{1B}c") }
        let renderer = TraceRenderer()
        let text = renderer.render(order.trace) + renderer.render(Journey(order.trace))
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
        #expect(!text.unicodeScalars.contains("\u{202E}"))
        #expect(text.contains("\u{FFFD}]0;owned\u{FFFD}record"))
    }

    @Test(
        "Durations have three significant digits and their unit",
        arguments: [
            (0, "0"), (999, "999 ns"), (1_000, "1.00 µs"), (45_678, "45.7 µs"), (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (9_994_000, "9.99 ms"), (9_996_000, "10.0 ms"), (1_204_000_000, "1.20 s"), (59_900_000_000, "59.9 s"),
            (59_960_000_000, "1m 00s"), (123_000_000_000, "2m 03s"), (3_720_000_000_000, "1h 02m"),
            (273_600_000_000_000, "3d 04h"),
        ] as [(UInt64, String)]
    )
    func durations(_ nanoseconds: UInt64, _ text: String) {
        #expect(TimeText.short(nanoseconds) == text)
    }

    @Test("Wide and combining characters are counted as the terminal shows them")
    func characterWidths() {
        #expect(TerminalText.width("e\u{301}té") == 3)
        #expect(TerminalText.width("注文") == 4)
        #expect(TerminalText.width("✗ ok") == 4)
        #expect(TerminalText.width("🚀") == 2)
        #expect(TerminalText.truncated("注文です", to: 5) == "注文…")
        #expect(TerminalText.truncated("abc", to: 3) == "abc")
        #expect(TerminalText.fitted("ab", to: 4, right: true) == "  ab")
        #expect(TerminalText.wrapped("one two three", to: 7) == ["one two", "three"])
    }
}
