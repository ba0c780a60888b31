internal import GRPCProtobuf

public import struct Foundation.UUID

/// Checks that several services make at their edge.
public enum RequestFields {
    /// Reads an identifier.
    ///
    /// - Parameters:
    ///   - text: The field's value.
    ///   - field: The field's path in the request.
    /// - Returns: The identifier; its text form is lower case.
    /// - Throws: INVALID_ARGUMENT for anything but a UUID.
    public static func uuid(_ text: String, field: String) throws -> UUID {
        guard !text.isEmpty else { throw RequestError.invalid(field, "must not be empty") }
        guard let id = UUID(uuidString: text) else {
            throw RequestError.invalid(field, "must be a UUID, not “\(text.prefix(64))”")
        }
        return id
    }

    /// Checks an idempotency key.
    ///
    /// - Returns: The key in the caller's name space, or `nil` when there is none.
    /// - Throws: INVALID_ARGUMENT when it is too long.
    public static func idempotencyKey(_ key: String, scope: String) throws -> String? {
        guard !key.isEmpty else { return nil }
        try length(key, of: "idempotency_key", 1...128)
        return "\(scope):\(key)"
    }

    /// Checks a text's length in bytes.
    ///
    /// - Throws: INVALID_ARGUMENT when it is too short or too long.
    public static func length(_ text: String, of field: String, _ range: ClosedRange<Int>) throws {
        let length = text.utf8.count
        if length == 0, range.lowerBound > 0 { throw RequestError.invalid(field, "must not be empty") }
        guard range.contains(length) else {
            throw RequestError.invalid(
                field,
                "must have \(range.lowerBound) to \(range.upperBound) bytes, not \(length)"
            )
        }
    }
}

extension UUID {
    /// The text form that the services use: lower case.
    public var text: String { uuidString.lowercased() }
}
