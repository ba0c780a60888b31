/// Something that happened to an aggregate, never changed once recorded.
public protocol DomainEvent: Sendable {
    /// The event's serialised form.
    ///
    /// - Throws: What the encoder throws; an event that cannot be encoded is a programming error of its type.
    func encoded() throws -> EncodedEvent

    /// Creates an event from its serialised form, of any schema version that was ever written.
    ///
    /// - Throws: ``EventStoreError`` with code ``EventStoreError/Code/undecodableEvent`` for an unknown type or
    ///   malformed bytes.
    init(_ encoded: EncodedEvent) throws
}

/// The serialised form of an event.
public struct EncodedEvent: Sendable, Hashable {
    /// The kind of event, for example `order.created`; also the subject that it is published on.
    public var type: String
    /// The version of the payload's schema, from 1.
    public var schemaVersion: Int
    /// The payload's bytes.
    public var payload: [UInt8]

    /// Creates a serialised event.
    public init(type: String, schemaVersion: Int, payload: [UInt8]) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.payload = payload
    }
}
