/// Where exemplars and causes are asked for.
struct Prometheus: Sendable {
    /// The address, without a slash at its end.
    let url: String
    let http: OutgoingHTTP
    /// How long a notification may be held in all, for messages.
    let patience: Duration

    func ask(
        _ query: PrometheusQuery,
        timeout: Duration
    ) async throws(PrometheusFailure) -> (status: Int, body: [UInt8]) {
        do {
            return try await http.get(url + query.target, timeout: timeout)
        } catch {
            throw error.isLate
                ? .late(patience) : PrometheusFailure(description: "Prometheus cannot be asked: \(error)")
        }
    }
}
