import Testing

@testable import Observability

#if os(Linux)
@Suite("Process metrics")
struct ProcessMetricsTests {
    @Test("tell the truth about this process")
    func values() throws {
        let registry = MetricsRegistry()
        registry.registerProcessMetrics()
        let families = try ExpositionParser.parse(PrometheusText.render(registry))
        func value(_ name: String) throws -> Double { try #require(families[name]?.value(), "\(name)") }

        #expect(families["process_cpu_seconds_total"]?.type == "counter")
        #expect(try value("process_cpu_seconds_total") < 100_000)
        #expect(try value("process_threads") >= 1)
        #expect(try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
        #expect(try value("process_resident_memory_bytes") > 1_000_000)
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_max_fds") >= value("process_open_fds"))
        let now = Double(TracerProvider.wallClock()) / 1e9
        #expect(try (now - 86_400...now + 1).contains(value("process_start_time_seconds")))
    }

    @Test("are read past a program name with spaces and parentheses")
    func programName() throws {
        let text =
            "17 (a) b (c)) S 1 17 17 0 -1 4194304 1 2 3 4 250 50 7 8 20 0 9 0 123456 1000000 321 18446744073709551615\n"
        let status = try #require(ProcessStatus(text))
        #expect(status.userTicks == 250)
        #expect(status.systemTicks == 50)
        #expect(status.threads == 9)
        #expect(status.startTicks == 123_456)
        #expect(status.virtualBytes == 1_000_000)
        #expect(status.residentPages == 321)
        #expect(ProcessStatus("17 (x) S 1") == nil)
        #expect(ProcessStatus("") == nil)
    }

    @Test("include what is running")
    func buildInfo() throws {
        let registry = MetricsRegistry()
        registry.registerBuildInfo(version: "1.2.3", swift: "6.3.1")
        let families = try ExpositionParser.parse(PrometheusText.render(registry))
        #expect(families["contrail_build_info"]?.value(["version": "1.2.3", "swift": "6.3.1"]) == 1)
    }
}
#endif
