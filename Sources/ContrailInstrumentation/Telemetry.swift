public import Logging
public import Observability

/// What every wrapper of this module records into: traces, metrics and logs of one process.
///
/// Passed to who needs it; nothing is global.
public struct Telemetry: Sendable {
    /// Makes spans.
    public let provider: TracerProvider
    /// Makes instruments.
    public let metrics: MetricsRegistry
    /// Writes log lines, with the service's name.
    public let logger: Logger
    /// Knows which spans the parts that record here can make.
    public let spans = SpanRegistry()

    /// Which headers carry traces.
    public let propagators: Propagators

    /// Creates the set.
    ///
    /// - Parameters:
    ///   - provider: Makes spans.
    ///   - metrics: Makes instruments.
    ///   - logger: Writes log lines.
    ///   - propagators: Which headers carry traces.
    public init(
        provider: TracerProvider,
        metrics: MetricsRegistry,
        logger: Logger,
        propagators: Propagators = .all
    ) {
        self.provider = provider
        self.metrics = metrics
        self.logger = logger
        self.propagators = propagators
    }

    /// Makes the tracer of a module.
    public func tracer(_ scope: String) -> OTelTracer {
        provider.tracer(scope)
    }

    /// Makes the tracer of a module for the spans that it declares, which are all of one scope.
    public func tracer(for declaration: SpanDeclaration, _ others: SpanDeclaration...) -> OTelTracer {
        for declaration in [declaration] + others { spans.add(declaration) }
        return tracer(declaration.scope)
    }
}

/// Measures how long something took, by a clock that is never set.
struct Stopwatch {
    private let start = ContinuousClock.now

    /// Seconds since the creation.
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }
}
