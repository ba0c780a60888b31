/// What a call says about the health of what was called.
public enum CallOutcome: String, Sendable, Hashable, CaseIterable {
    /// It answered as it should. A refusal of the request (not found, invalid argument) is such an answer.
    case success
    /// It failed, or did not answer in time.
    case failure
    /// The call says nothing: its caller gave it up, for instance.
    case ignored
}
