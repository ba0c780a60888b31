extension SemanticConventions {
    // Resource, what is detected.
    /// `process.executable.name`
    public static let processExecutableName = "process.executable.name"
    /// `process.creation.time`
    public static let processCreationTime = "process.creation.time"
    /// `process.owner`
    public static let processOwner = "process.owner"
    /// `process.runtime.name`
    public static let processRuntimeName = "process.runtime.name"
    /// `process.runtime.version`
    public static let processRuntimeVersion = "process.runtime.version"
    /// `host.name`
    public static let hostName = "host.name"
    /// `host.arch`
    public static let hostArch = "host.arch"
    /// `os.type`
    public static let osType = "os.type"
    /// `container.id`
    public static let containerID = "container.id"
    /// `deployment.environment.name`, which only the environment knows.
    public static let deploymentEnvironmentName = "deployment.environment.name"
}
