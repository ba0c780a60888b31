private import Synchronization

/// Exports every span when it ends, one at a time, on the thread that ends it.
///
/// For exporters that only write a line, such as ``ConsoleSpanExporter``, and for tests: the caller waits. Implements the
/// OpenTelemetry trace SDK, "Simple processor".
public final class SimpleSpanProcessor: SpanProcessor {
    private let exporter: any SpanExporter
    private let resource: Resource
    private let exportTimeout: Duration
    private let isShutDown = Mutex(false)

    /// Creates the processor.
    ///
    /// - Parameters:
    ///   - exporter: Sends each span.
    ///   - resource: The process that makes the spans.
    ///   - exportTimeout: How long one export may take.
    public init(exporter: any SpanExporter, resource: Resource, exportTimeout: Duration = .seconds(30)) {
        self.exporter = exporter
        self.resource = resource
        self.exportTimeout = exportTimeout
    }

    /// Exports the span, after those that are being exported.
    public func onEnd(_ span: EndedSpan) {
        isShutDown.withLock { isShutDown in
            guard !isShutDown else { return }
            _ = exporter.export([span.finished], resource: resource, deadline: .now + exportTimeout)
        }
    }

    /// Has nothing to do: what has ended has been exported.
    public func forceFlush(timeout: Duration) async -> Bool { true }

    /// Refuses what ends later.
    public func shutdown(timeout: Duration) async -> Bool {
        exporter.shutdown(deadline: .now + timeout)
        isShutDown.withLock { $0 = true }
        return true
    }
}
