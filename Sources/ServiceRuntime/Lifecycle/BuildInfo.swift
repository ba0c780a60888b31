/// What was built.
public enum BuildInfo {
    /// The version of all services and tools of this repository.
    public static let version = "0.1.0"
}
