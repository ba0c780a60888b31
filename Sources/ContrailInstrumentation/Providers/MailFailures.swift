internal import HTTPTransport
internal import Resilience

extension CurlError {
    /// Whether the server refused this mail for good (RFC 5321 §4.2.1): the same mail would be refused again.
    ///
    /// What a server says about itself or about our credentials (521, 530, 534, 535, 538, 554 as a greeting) is no verdict
    /// on a mail: all mails wait until somebody has put that right.
    var isFinalRefusal: Bool {
        guard code == .rejected, let status else { return false }
        return (500...599).contains(status) && !Self.aboutTheServer.contains(status)
    }

    private static let aboutTheServer: Set<Int> = [521, 530, 534, 535, 538, 554]
    /// Closing, out of storage, and authentication that does not work for now.
    private static let busy: Set<Int> = [421, 452, 454]

    /// What the failure says about the mail server: a verdict on a mail, also one for now (greylisting), is an answer. It
    /// is never retried here, because JetStream delivers the event again.
    var classification: FailureClassification {
        let outcome: CallOutcome =
            switch code {
            case .cancelled, .invalidRequest: .ignored
            case .rejected:
                status.map { !Self.aboutTheServer.contains($0) && !Self.busy.contains($0) } ?? false
                    ? .success : .failure
            default: .failure
            }
        return FailureClassification(outcome: outcome, isRetryable: false)
    }
}
