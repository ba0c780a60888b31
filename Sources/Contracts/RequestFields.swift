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

    /// Checks a one-line text: its length in bytes, and that it has no control characters.
    ///
    /// - Throws: INVALID_ARGUMENT otherwise.
    public static func length(_ text: String, of field: String, _ range: ClosedRange<Int>) throws {
        let length = text.utf8.count
        if length == 0, range.lowerBound > 0 { throw RequestError.invalid(field, "must not be empty") }
        // PostgreSQL cannot keep U+0000, and no name, key or number of ours has a reason for control characters.
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw RequestError.invalid(field, "must not have control characters")
        }
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
