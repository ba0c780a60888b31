#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// The process that makes telemetry.
///
/// Implements the OpenTelemetry resource SDK and the conventions for `service.*`, `telemetry.sdk.*` and `process.*`. It
/// never changes.
public struct Resource: Hashable, Sendable {
    /// What the SDK calls itself; `opentelemetry` is reserved for the official ones.
    public static let sdkName = "contrail"
    /// The SDK's version.
    public static let sdkVersion = "0.1.0"

    /// What describes the process.
    public let attributes: Attributes

    /// Creates a resource from attributes, without adding any.
    public init(attributes: Attributes) {
        self.attributes = attributes
    }

    /// Creates the resource of a service of this process, with the attributes that every resource must have.
    ///
    /// - Parameters:
    ///   - serviceName: What the service is called; the specification's fallback when empty.
    ///   - serviceVersion: Its version.
    ///   - instanceID: Tells this process from others of the service.
    ///   - additional: Further attributes; they never replace the service's own.
    public init(serviceName: String, serviceVersion: String, instanceID: String, additional: Attributes = [:]) {
        let own: Attributes = [
            SemanticConventions.serviceName: .string(serviceName.isEmpty ? Self.unknownService : serviceName),
            SemanticConventions.serviceVersion: .string(serviceVersion),
            SemanticConventions.serviceInstanceID: .string(instanceID),
            SemanticConventions.telemetrySDKLanguage: "swift",
            SemanticConventions.telemetrySDKName: .string(Self.sdkName),
            SemanticConventions.telemetrySDKVersion: .string(Self.sdkVersion),
            SemanticConventions.processPID: .int(getpid()),
        ]
        attributes = additional.merging(own)
    }

    /// The service's name, or the specification's fallback.
    public var serviceName: String {
        guard case .string(let name)? = attributes[SemanticConventions.serviceName], !name.isEmpty else {
            return Self.unknownService
        }
        return name
    }

    /// The resource with another one's attributes, which win key by key, also when they are empty.
    public func merging(_ updating: Resource) -> Resource {
        Resource(attributes: attributes.merging(updating.attributes))
    }

    /// What a service is called that has no name.
    private static var unknownService: String {
        ResourceDetector.executableName.map { "unknown_service:\($0)" } ?? "unknown_service"
    }
}
