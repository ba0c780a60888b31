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

    /// Creates the set.
    public init(provider: TracerProvider, metrics: MetricsRegistry, logger: Logger) {
        self.provider = provider
        self.metrics = metrics
        self.logger = logger
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
