#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

extension MetricsRegistry {
    /// Registers the process's own metrics: processor time, memory, file descriptors, threads and start time.
    ///
    /// The names are those that Prometheus asks of every client library. They are read from `/proc` when they are
    /// scraped; what cannot be read is left out, and on other systems than Linux that is all of them.
    public func registerProcessMetrics() {
        #if os(Linux)
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
        let bootTime = ProcFile.bootTime()
        counter("process_cpu_seconds_total", help: "User and system processor time that the process has used.") {
            ProcessStatus.current().map { ($0.userTicks + $0.systemTicks) / ticks }
        }
        gauge("process_threads", help: "Threads of the process.") {
            ProcessStatus.current()?.threads
        }
        gauge("process_virtual_memory_bytes", help: "Size of the process's virtual memory.") {
            ProcessStatus.current()?.virtualBytes
        }
        gauge("process_resident_memory_bytes", help: "Size of the process's resident memory.") {
            ProcessStatus.current().map { $0.residentPages * pageSize }
        }
        gauge("process_start_time_seconds", help: "When the process started, in seconds since the Unix epoch.") {
            guard let bootTime, let status = ProcessStatus.current() else { return nil }
            return bootTime + status.startTicks / ticks
        }
        gauge("process_open_fds", help: "File descriptors that are open.") {
            ProcFile.openDescriptors().map(Double.init)
        }
        gauge("process_max_fds", help: "File descriptors that may be open.") {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
            return limit.rlim_cur == rlim_t.max ? nil : Double(limit.rlim_cur)
        }
        #endif
    }

    /// Registers `contrail_build_info`, which tells what is running.
    ///
    /// - Parameters:
    ///   - version: The version of the program.
    ///   - swift: The version of the compiler that built it; to the minor version when it is not given.
    public func registerBuildInfo(version: String, swift: String? = nil) {
        let compiler = swift ?? Self.compilerVersion
        info("contrail_build_info", help: "What is running.", facts: ["version": version, "swift": compiler])
    }

    /// Registers what the registry and the log writer have refused or lost.
    ///
    /// - Parameter logWriter: Where the process's log lines go.
    public func registerSelfMetrics(logWriter: LogWriter? = nil) {
        counter(
            "contrail_metrics_rejected_measurements_total",
            help: "Measurements that were ignored: negative increments, and values that are not finite."
        ) { [weak self] in
            self.map { Double($0.statistics.rejectedMeasurements) }
        }
        counter(
            "contrail_metrics_problems_total",
            help: "Mistakes in the use of metrics, such as conflicting registrations.",
            labels: ["problem"]
        ) { [weak self] in
            self?.statistics.problems.map { ObservedValue(Double($0.value), $0.key.description) } ?? []
        }
        if let logWriter {
            counter("contrail_log_lines_dropped_total", help: "Log lines that could not be written.") {
                Double(logWriter.droppedLines)
            }
        }
    }

    /// The version of the Swift compiler that built this module.
    private static var compilerVersion: String {
        #if compiler(>=6.5)
        "6.5+"
        #elseif compiler(>=6.4)
        "6.4"
        #elseif compiler(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }
}

#if os(Linux)
/// The fields of `/proc/self/stat` that are metrics.
struct ProcessStatus {
    let userTicks: Double
    let systemTicks: Double
    let threads: Double
    let startTicks: Double
    let virtualBytes: Double
    let residentPages: Double

    static func current() -> ProcessStatus? {
        ProcFile.read("/proc/self/stat").flatMap(ProcessStatus.init)
    }

    /// Reads the file's text, as proc(5) describes it.
    init?(_ text: String) {
        // The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ").map { Double($0) }
        // Field numbers of proc(5) start at 1, and this list with field 3.
        func field(_ number: Int) -> Double? { number - 3 < fields.count ? fields[number - 3] : nil }
        guard let user = field(14), let system = field(15), let threads = field(20), let start = field(22),
            let virtual = field(23), let resident = field(24)
        else { return nil }
        userTicks = user
        systemTicks = system
        self.threads = threads
        startTicks = start
        virtualBytes = virtual
        residentPages = resident
    }
}

/// Reads the small files of `/proc`.
private enum ProcFile {
    static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    /// When the system started, in seconds since the Unix epoch.
    static func bootTime() -> Double? {
        read("/proc/stat")?
            .split(separator: "\n")
            .first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst("btime ".count)) }
    }

    static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // `.`, `..` and the descriptor that reads the folder.
        return max(0, count - 3)
    }
}
#endif
