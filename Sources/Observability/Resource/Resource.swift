#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// The process that makes telemetry.
///
/// Implements the OpenTelemetry resource SDK and the conventions for `service.*`, `telemetry.sdk.*` and `process.*`.
public struct Resource: Hashable, Sendable {
    /// What describes the process.
    public let attributes: Attributes

    /// Creates a resource from attributes, without adding any.
    public init(attributes: Attributes) {
        self.attributes = attributes
    }

    /// Creates the resource of a service of this process, with the attributes that every resource must have.
    ///
    /// - Parameters:
    ///   - serviceName: What the service is called.
    ///   - serviceVersion: Its version.
    ///   - instanceID: Tells this process from others of the service.
    ///   - additional: Further attributes; they never replace the service's own.
    public init(serviceName: String, serviceVersion: String, instanceID: String, additional: Attributes = [:]) {
        let own: Attributes = [
            SemanticConventions.serviceName: .string(serviceName),
            SemanticConventions.serviceVersion: .string(serviceVersion),
            SemanticConventions.serviceInstanceID: .string(instanceID),
            SemanticConventions.telemetrySDKLanguage: "swift",
            // `opentelemetry` is reserved for the official SDKs.
            SemanticConventions.telemetrySDKName: "contrail",
            SemanticConventions.telemetrySDKVersion: .string(serviceVersion),
            SemanticConventions.processPID: .int(getpid()),
        ]
        attributes = additional.merging(own)
    }

    /// The service's name, or the specification's fallback.
    public var serviceName: String {
        guard case .string(let name)? = attributes[SemanticConventions.serviceName] else { return "unknown_service" }
        return name
    }
}
