internal import ContrailInstrumentation
internal import CoreMetrics
internal import Observability
internal import Tracing

extension Bootstrap {
    /// Opens the doors for libraries that only know swift-distributed-tracing and swift-metrics: their spans join our
    /// traces, and their instruments are served beside ours.
    ///
    /// Once in a process, before anything else: both APIs have one global system and end a program that sets it twice.
    func openStandardAPIs() {
        InstrumentationSystem.bootstrap(
            DistributedTracer(telemetry.provider.tracer("libraries"), propagators: telemetry.propagators)
        )
        MetricsSystem.bootstrap(PrometheusMetricsFactory(registry: telemetry.metrics))
    }
}
