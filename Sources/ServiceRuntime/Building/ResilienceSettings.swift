internal import ContrailInstrumentation
public import Resilience

extension Settings {
    /// Reads how calls to a target are protected.
    ///
    /// - Parameters:
    ///   - prefix: The beginning of the variables: `CONTRAIL_USERS`.
    ///   - target: What the target is called in the help.
    ///   - fallback: What is used where nothing is set. Without retries or a time-out of attempts there are no variables for
    ///     them.
    public mutating func resilience(
        _ prefix: String,
        _ target: String,
        default fallback: ResilienceConfiguration
    ) -> ResilienceConfiguration {
        var configuration = fallback
        let timeoutKey = "\(prefix)_TIMEOUT"
        let callTimeout = duration(
            timeoutKey,
            default: Self.text(fallback.callTimeout ?? .seconds(10)),
            "how long a call to \(target) may take" + (fallback.retry.maximumAttempts > 1 ? ", retries included" : "")
        )
        configuration.callTimeout = callTimeout
        var longestAttempt = callTimeout
        if let attemptTimeout = fallback.attemptTimeout {
            let key = "\(prefix)_ATTEMPT_TIMEOUT"
            let value = duration(key, default: Self.text(attemptTimeout), "how long one attempt may take")
            if value > callTimeout, environment[key]?.isEmpty == false {
                refuse(key, "is more than \(timeoutKey)=\(Self.text(callTimeout)); it must be at most that")
            }
            longestAttempt = min(value, callTimeout)
            configuration.attemptTimeout = longestAttempt
        }
        if fallback.retry.maximumAttempts > 1 {
            configuration.retry.maximumAttempts = int(
                "\(prefix)_ATTEMPTS",
                default: fallback.retry.maximumAttempts,
                in: 1...10,
                "attempts at a call that may be repeated, the first included"
            )
        }
        configuration.circuitBreaker = breaker("\(prefix)_BREAKER", attempt: longestAttempt, fallback.circuitBreaker)
        if var bulkhead = fallback.bulkhead {
            bulkhead.maximumConcurrent = int(
                "\(prefix)_CONCURRENCY",
                default: bulkhead.maximumConcurrent,
                in: 1...10_000,
                "calls to \(target) that are under way at once; as many may wait"
            )
            bulkhead.maximumQueued = bulkhead.maximumConcurrent
            configuration.bulkhead = bulkhead
        }
        return configuration
    }

    /// Reads when a circuit breaker opens.
    private mutating func breaker(
        _ key: String,
        attempt: Duration,
        _ fallback: CircuitBreaker.Configuration?
    ) -> CircuitBreaker.Configuration? {
        var standard = fallback ?? CircuitBreaker.Configuration()
        // A probe that still runs must not count as lost.
        standard.probeLease = attempt * 2 + .seconds(1)
        let words = string(key, default: BreakerText.write(standard), "when its circuit breaker opens; off for none")
        guard words != "off" else { return nil }
        do {
            var configuration = standard
            try BreakerText.read(words, into: &configuration)
            var whole = ResilienceConfiguration(callTimeout: nil, attemptTimeout: attempt)
            whole.circuitBreaker = configuration
            try whole.validate()
            return configuration
        } catch {
            refuse(key, "\(error)")
            return standard
        }
    }

    /// A time as settings are written.
    static func text(_ duration: Duration) -> String {
        let milliseconds = Int((duration / .milliseconds(1)).rounded())
        return milliseconds.isMultiple(of: 1000) ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}

/// The text of a breaker's setting: `failure=50%,calls=20,window=10s,open=2s`; `slow=80%@500ms` where slow calls count,
/// `window=100` for the last calls rather than those of a time, `probes=5` for how many calls half open lets through.
enum BreakerText {
    struct Problem: Error, CustomStringConvertible {
        let description: String

        init(_ item: Substring) {
            description =
                "has “\(item)”, which is none of failure=50%, slow=80%@500ms, calls=20, window=10s, window=100, open=2s and probes=5; "
                + "or it is “off”"
        }
    }

    static func write(_ configuration: CircuitBreaker.Configuration) -> String {
        var items = ["failure=\(percent(configuration.failureRateThreshold))"]
        if let slow = configuration.slowCallDuration {
            items.append("slow=\(percent(configuration.slowCallRateThreshold))@\(Settings.text(slow))")
        }
        items.append("calls=\(configuration.minimumCalls)")
        switch configuration.window {
        case .time(let window): items.append("window=\(Settings.text(window))")
        case .calls(let calls): items.append("window=\(calls)")
        }
        items.append("open=\(Settings.text(configuration.openDuration.initial))")
        return items.joined(separator: ",")
    }

    /// Changes what the text names, and leaves the rest.
    static func read(_ text: String, into configuration: inout CircuitBreaker.Configuration) throws {
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "=", maxSplits: 1).map { $0.trimmingPrefix(" ") }
            guard parts.count == 2 else { throw Problem(item) }
            let value = parts[1]
            switch parts[0] {
            case "failure":
                configuration.failureRateThreshold = try share(value, of: item)
            case "slow":
                let halves = value.split(separator: "@", maxSplits: 1)
                guard halves.count == 2, let duration = Settings.duration(String(halves[1])) else {
                    throw Problem(item)
                }
                configuration.slowCallRateThreshold = try share(halves[0], of: item)
                configuration.slowCallDuration = duration
            case "calls":
                guard let calls = Int(value) else { throw Problem(item) }
                configuration.minimumCalls = calls
            case "window":
                if let calls = Int(value) {
                    configuration.window = .calls(calls)
                } else {
                    guard let window = Settings.duration(String(value)) else { throw Problem(item) }
                    configuration.window = .time(window)
                }
            case "probes":
                guard let probes = Int(value) else { throw Problem(item) }
                configuration.halfOpenPermits = probes
            case "open":
                guard let open = Settings.duration(String(value)) else { throw Problem(item) }
                configuration.openDuration.initial = open
                configuration.openDuration.maximum = max(open * 3, open)
            default: throw Problem(item)
            }
        }
    }

    private static func share(_ text: Substring, of item: Substring) throws -> Double {
        guard text.hasSuffix("%"), let percent = Double(text.dropLast()), percent.isFinite else { throw Problem(item) }
        return percent / 100
    }

    private static func percent(_ share: Double) -> String {
        let percent = share * 100
        return percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    }
}
