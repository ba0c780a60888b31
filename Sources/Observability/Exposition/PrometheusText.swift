/// The Prometheus text format 0.0.4.
///
/// Implements "Exposition formats: Text-based format" of the Prometheus documentation.
public enum PrometheusText {
    /// The response's `Content-Type`.
    public static let contentType = ExpositionFormat.prometheusText.contentType

    /// Renders all metrics of a registry, as UTF-8.
    ///
    /// Observed metrics are read by their callbacks meanwhile. Nobody who counts something waits for it.
    public static func render(_ registry: MetricsRegistry) -> [UInt8] {
        registry.withExposition(.prometheusText) { Array($0) }
    }
}

/// The OpenMetrics text format 1.0.
///
/// Implements the OpenMetrics specification 1.0.0, "Text format": with units, infos and exemplars, without `_created`.
public enum OpenMetricsText {
    /// The response's `Content-Type`.
    public static let contentType = ExpositionFormat.openMetrics.contentType

    /// Renders all metrics of a registry, as UTF-8, with the exemplars that were taken since somebody first did so.
    ///
    /// Observed metrics are read by their callbacks meanwhile. Nobody who counts something waits for it.
    public static func render(_ registry: MetricsRegistry) -> [UInt8] {
        registry.withExposition(.openMetrics) { Array($0) }
    }
}

extension MetricsRegistry {
    /// Renders all metrics into a buffer that is used again, and lends it to a body.
    ///
    /// Several threads may do so at once. Apart from what callbacks of observed metrics need, no memory is taken once
    /// a buffer has grown to the size of the exposition.
    ///
    /// - Parameters:
    ///   - format: The format.
    ///   - body: Gets the bytes, UTF-8, which are valid until it returns.
    public func withExposition<R>(
        _ format: ExpositionFormat,
        _ body: (UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
        try expositionBuffers.withBuffer { buffer in
            ExpositionWriter(buffer: buffer, isOpenMetrics: format.isOpenMetrics).write(self)
            return try body(buffer.contents)
        }
    }
}
