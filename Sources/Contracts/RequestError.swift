internal import GRPCCore
public import GRPCProtobuf

/// The refusals that services answer with: a status, a message for people and details for programs.
///
/// Implements google.rpc.Status and the error details of the Google API design guide.
public enum RequestError {
    /// The domain of `ErrorInfo` reasons.
    static let domain = "contrail"

    /// A field of the request is wrong: INVALID_ARGUMENT.
    ///
    /// - Parameters:
    ///   - field: The field's path in the request.
    ///   - problem: What is wrong with it, as a sentence's second half: "must not be empty".
    public static func invalid(_ field: String, _ problem: String) -> GoogleRPCStatus {
        GoogleRPCStatus(
            code: .invalidArgument,
            message: "\(field) \(problem)",
            details: .badRequest(violations: [.init(field: field, description: problem)])
        )
    }

    /// Something that the request names does not exist: NOT_FOUND.
    ///
    /// - Parameters:
    ///   - type: What it is: `user`, `order`.
    ///   - id: What it was called.
    public static func notFound(_ type: String, _ id: String) -> GoogleRPCStatus {
        GoogleRPCStatus(
            code: .notFound,
            message: "there is no \(type) \(id)",
            details: .resourceInfo(type: type, name: id, errorDescription: "not found")
        )
    }

    /// Something with the same identity exists: ALREADY_EXISTS.
    public static func alreadyExists(_ type: String, _ message: String) -> GoogleRPCStatus {
        GoogleRPCStatus(
            code: .alreadyExists,
            message: message,
            details: .resourceInfo(type: type, name: "", errorDescription: message)
        )
    }

    /// The state of things does not allow the request: FAILED_PRECONDITION.
    ///
    /// - Parameters:
    ///   - type: The rule, in capitals: `ORDER_STATUS`.
    ///   - subject: What is in the wrong state.
    ///   - message: What is wrong and what would be right.
    public static func failedPrecondition(_ type: String, subject: String, _ message: String) -> GoogleRPCStatus {
        GoogleRPCStatus(
            code: .failedPrecondition,
            message: message,
            details: .preconditionFailure(violations: [.init(type: type, subject: subject, description: message)])
        )
    }

    /// A dependency is away; the call may be repeated: UNAVAILABLE.
    ///
    /// - Parameters:
    ///   - dependency: What is away: `postgresql`, `users`.
    ///   - message: What is wrong.
    ///   - retryAfter: When a repetition makes sense.
    public static func unavailable(
        _ dependency: String,
        _ message: String,
        retryAfter: Duration = .seconds(1)
    ) -> GoogleRPCStatus {
        GoogleRPCStatus(
            code: .unavailable,
            message: message,
            details: .retryInfo(delay: retryAfter),
            .errorInfo(reason: "DEPENDENCY_UNAVAILABLE", domain: domain, metadata: ["dependency": dependency])
        )
    }

    /// Others changed the same thing too often at the same time; the call may be repeated: ABORTED.
    public static func aborted(_ message: String) -> GoogleRPCStatus {
        GoogleRPCStatus(code: .aborted, message: message, details: .retryInfo(delay: .milliseconds(100)))
    }
}
