/// JetStream over a NATS connection, spoken as JSON requests.
///
/// libnats' own JetStream calls are not used: version 3.4 drops configuration fields that it does not know, and its
/// fetch can write behind its buffer.
public struct JetStreamContext: Sendable {
    /// The connection.
    public let connection: NATSConnection
    /// How long administrative requests may take.
    public let timeout: Duration
    let prefix: String

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - domain: The JetStream domain of a leaf node; `nil` for the server's own.
    ///   - timeout: How long administrative requests may take.
    public init(_ connection: NATSConnection, domain: String? = nil, timeout: Duration = .seconds(5)) {
        self.connection = connection
        self.timeout = timeout
        prefix = domain.map { "$JS.\($0).API." } ?? "$JS.API."
    }

    /// Sends an API request and returns the bytes of a response without error.
    func call(_ subject: String, _ body: [UInt8] = [], to action: String) async throws -> [UInt8] {
        let message = NATSMessage(subject: prefix + subject, payload: body)
        let payload = try await connection.request(message, timeout: timeout).payload
        if let error = try Self.decode(APIErrorEnvelope.self, from: payload, action).error {
            throw error.error(action)
        }
        return payload
    }

    func call<Value: Decodable>(
        _ subject: String,
        _ body: [UInt8] = [],
        to action: String,
        returning type: Value.Type
    ) async throws -> Value {
        try Self.decode(type, from: await call(subject, body, to: action), action)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8], _ action: String) throws -> Value {
        do {
            return try JSON.decode(type, from: bytes)
        } catch {
            throw JetStreamError(.invalidResponse, "the answer to '\(action)' is not the API's JSON", cause: error)
        }
    }
}
