internal import Logging
internal import Observability
internal import Resilience

extension ResiliencePipeline {
    /// Creates a pipeline that is measured, and whose breaker tells when its state changes: in the log, and as an event of
    /// the span in which that happened. That span is the breaker's cause.
    convenience init(
        observed name: String,
        configuration: ResilienceConfiguration,
        telemetry: Telemetry
    ) throws(InvalidResilienceConfiguration) {
        let metrics = ResilienceMetrics(name: name, registry: telemetry.metrics)
        try self.init(
            name: name,
            configuration: configuration,
            observer: { metrics.record($0) },
            onTransition: { $0.report(to: telemetry.logger) },
            cause: { OTelSpan.current?.spanContext }
        )
        metrics.observe(self)
    }
}

extension CircuitBreaker.Transition {
    /// Tells of the change.
    fileprivate func report(to logger: Logger) {
        OTelSpan.current?.addEvent(
            SpanEventDeclaration.circuitBreakerTransition.name,
            attributes: [
                SemanticConventions.circuitBreakerName: .string(breaker),
                SemanticConventions.circuitBreakerFrom: .string(from.rawValue),
                SemanticConventions.circuitBreakerTo: .string(to.rawValue),
                SemanticConventions.circuitBreakerReason: .string(reason.rawValue),
            ]
        )
        var metadata: Logger.Metadata = [
            "breaker": "\(breaker)", "from": "\(from.rawValue)", "reason": "\(reason.rawValue)",
        ]
        switch to {
        case .open, .forcedOpen:
            metadata["failure.rate"] = "\(percent(failureRate))"
            metadata["slow.rate"] = "\(percent(slowCallRate))"
            metadata["delay"] = "\(openDuration.map { "\($0)" } ?? "")"
            logger.warning("circuit breaker opened", metadata: metadata)
        case .halfOpen:
            logger.info("circuit breaker lets a few calls through", metadata: metadata)
        case .closed, .disabled:
            logger.info("circuit breaker closed", metadata: metadata)
        }
    }

    private func percent(_ rate: Double?) -> String {
        rate.map { "\(Int(($0 * 100).rounded())) %" } ?? ""
    }
}
