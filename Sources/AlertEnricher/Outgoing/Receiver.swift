/// Who gets the enriched alerts.
struct Receiver: Sendable {
    /// Why the receiver did not take a notification.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let url: String
    /// Goes into the `Authorization` header.
    let bearer: String?
    let timeout: Duration

    /// Passes a notification on.
    ///
    /// - Throws: ``Failure`` unless the answer is 2xx.
    func take(_ body: [UInt8], by http: OutgoingHTTP) async throws(Failure) {
        let status: Int
        do {
            (status, _) = try await http.post(url, json: body, bearer: bearer, timeout: timeout)
        } catch {
            throw Failure(
                description: error.isLate
                    ? "the receiver did not answer within \(DurationText.text(timeout))"
                    : "the receiver cannot be reached: \(error)"
            )
        }
        guard (200..<300).contains(status) else {
            throw Failure(description: "the receiver answered with status \(status)")
        }
    }
}
