internal import CBench

/// Runs the rows of one program, all by the same method.
///
/// Time is the minimum of many windows of at most a millisecond: what disturbs a window makes it longer, never shorter,
/// so the minimum is what the code costs, also on a busy machine. Allocations and instructions are counted, not
/// measured. Every result is one line of JSON.
public struct Bench: Sendable {
    /// What is found out about a row.
    public enum Mode: String, Sendable {
        /// Nanoseconds.
        case time
        /// Allocations, with `malloc-count` preloaded.
        case allocations
        /// Instructions, under callgrind.
        case instructions
    }

    /// The longest that a window should take, in nanoseconds.
    private static let windowLimit: UInt64 = 800_000

    /// What is found out.
    public let mode: Mode
    /// How many windows are measured.
    public let repeats: Int
    /// The rows that were asked for; all when empty.
    public let rows: [String]
    /// The options of the command line that are the program's own, such as `--endpoint URL`.
    public let options: [String: String]

    /// Reads `[row…] [--mode time|allocations|instructions] [--repeats n] [--name value…]`.
    public init(arguments: [String]) {
        var rows: [String] = []
        var options: [String: String] = [:]
        var rest = arguments.dropFirst()[...]
        while let argument = rest.popFirst() {
            if argument.hasPrefix("--") {
                options[String(argument.dropFirst(2))] = rest.popFirst() ?? ""
            } else {
                rows.append(argument)
            }
        }
        mode = options["mode"].flatMap(Mode.init) ?? .time
        repeats = options["repeats"].flatMap(Int.init) ?? 400
        self.rows = rows
        self.options = options
    }

    /// Whether a row was asked for.
    public func wants(_ row: String) -> Bool {
        rows.isEmpty || rows.contains(row)
    }

    /// Measures one row.
    ///
    /// - Parameters:
    ///   - row: The row, such as `T1`.
    ///   - name: What is measured.
    ///   - most: The most operations of one window; fewer when they would take more than a millisecond.
    ///   - units: What one operation handles, such as spans; the result is for one of them.
    ///   - between: Runs before each window and is not measured.
    ///   - body: Does as many operations as it is told.
    public func measure(
        _ row: String,
        _ name: String,
        most: Int = 4096,
        units: Int = 1,
        between: () -> Void = {},
        _ body: (Int) -> Void
    ) {
        switch mode {
        case .time:
            let operations = calibrated(most, between, body)
            var times: [UInt64] = []
            for _ in 0..<repeats {
                between()
                times.append(Self.time { body(operations) })
            }
            report(row, name, times, operations * units)
        case .allocations:
            // A few windows first: caches fill and buffers grow.
            let operations = min(most, 256)
            var fewest = (thread: UInt64.max, process: UInt64.max)
            for _ in 0..<8 {
                between()
                let thread = bench_thread_allocations()
                let process = bench_process_allocations()
                body(operations)
                fewest.process = min(fewest.process, bench_process_allocations() - process)
                fewest.thread = min(fewest.thread, bench_thread_allocations() - thread)
            }
            let count = Double(operations * units)
            emit(
                row,
                name,
                ["allocs": Double(fewest.thread) / count, "process_allocs": Double(fewest.process) / count]
            )
        case .instructions:
            let operations = min(most, 256)
            for _ in 0..<3 {
                between()
                body(operations)
            }
            between()
            bench_instructions_begin()
            body(operations)
            bench_instructions_end("\(row)|\(name)|\(operations * units)")
        }
    }

    /// Measures one row on two threads at once, in nanoseconds that one thread spends on an operation.
    ///
    /// The result is the median: the minimum would be the window in which the two met least.
    public func measureContended(_ row: String, _ name: String, _ body: @escaping @Sendable (Int) -> Void) {
        guard mode == .time else { return }
        let box = Body(run: body)
        let context = Unmanaged.passUnretained(box).toOpaque()
        let call: @convention(c) (UnsafeMutableRawPointer?, Int) -> Void = { context, operations in
            guard let context else { return }
            Unmanaged<Body>.fromOpaque(context).takeUnretainedValue().run(operations)
        }
        var results: [Double] = []
        // Beside other work many windows are of no use; two seconds are enough to find good ones.
        let end = Self.now + 2_000_000_000
        while results.count < repeats, Self.now < end {
            let result = bench_two_threads(call, context)
            if result > 0 { results.append(result) }
        }
        withExtendedLifetime(box) {}
        guard !results.isEmpty else { return emit(row, name, ["windows": 0]) }
        let sorted = results.sorted()
        emit(
            row,
            name,
            ["ns": sorted[sorted.count / 2], "p10": sorted[sorted.count / 10], "windows": Double(sorted.count)]
        )
    }

    /// Prints a result that was measured in another way.
    public func emit(_ row: String, _ name: String, _ values: KeyValuePairs<String, Double>) {
        var line = "{\"row\":\"\(row)\",\"name\":\"\(name)\""
        for (key, value) in values { line += ",\"\(key)\":\(value)" }
        print(line + "}")
    }

    /// The wall time of a body in nanoseconds.
    public static func time(_ body: () -> Void) -> UInt64 {
        let begin = bench_now()
        body()
        return bench_now() - begin
    }

    /// The monotonic clock in nanoseconds.
    public static var now: UInt64 { bench_now() }

    /// The CPU time of the process in nanoseconds.
    public static var cpuTime: UInt64 { bench_cpu() }

    /// Makes the compiler compute a value that nobody uses.
    @inline(__always)
    public static func keep<T>(_ value: T) {
        withUnsafePointer(to: value) { benchEscape($0) }
    }

    private func calibrated(_ most: Int, _ between: () -> Void, _ body: (Int) -> Void) -> Int {
        var operations = most
        for _ in 0..<8 {
            var fastest = UInt64.max
            for _ in 0..<4 {
                between()
                fastest = min(fastest, Self.time { body(operations) })
            }
            if fastest <= Self.windowLimit || operations == 1 { break }
            operations = max(1, Int(Double(operations) * 0.9 * Double(Self.windowLimit) / Double(fastest)))
        }
        return operations
    }

    /// Prints the minimum and the first decile of windows that were measured elsewhere.
    ///
    /// - Parameters:
    ///   - row: The row, such as `T1`.
    ///   - name: What is measured.
    ///   - times: The nanoseconds of each window.
    ///   - operations: The operations of a window.
    public func report(_ row: String, _ name: String, _ times: [UInt64], _ operations: Int) {
        let sorted = times.sorted()
        guard let fastest = sorted.first else { return }
        emit(
            row,
            name,
            [
                "ns": Double(fastest) / Double(operations),
                "p10": Double(sorted[sorted.count / 10]) / Double(operations),
                "windows": Double(sorted.count),
            ]
        )
    }
}

/// What a C function calls on two threads.
private final class Body: Sendable {
    let run: @Sendable (Int) -> Void

    init(run: @escaping @Sendable (Int) -> Void) {
        self.run = run
    }
}

/// What ``Bench/keep(_:)`` calls: nobody sees into it, so the memory has to be right.
@inline(never)
public func benchEscape(_ pointer: UnsafeRawPointer) {
    bench_escape(pointer)
}
