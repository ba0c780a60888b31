internal import Contracts
internal import ContrailInstrumentation
internal import EventSourcing
internal import Foundation
internal import Observability
internal import PostgresEventStore
internal import ServiceRuntime
internal import SwiftProtobuf

/// A customer as the database keeps it.
struct StoredUser: Sendable, Equatable {
    var id: UUID
    var email: String
    var displayName: String
    var isBlocked: Bool
    var createdAt: UInt64
}

/// Customers in PostgreSQL.
struct UserStorage: Sendable {
    static let migrations: [PostgresMigration] = [
        EventStoreSchema.outbox,
        PostgresMigration(
            version: 100,
            name: "users",
            sql: """
                CREATE TABLE users (
                    id uuid PRIMARY KEY,
                    email text NOT NULL,
                    display_name text NOT NULL,
                    is_blocked boolean NOT NULL DEFAULT false,
                    idempotency_key text CONSTRAINT users_idempotency_key UNIQUE,
                    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
                );
                -- Nobody owns “Ada@example.com” and “ada@example.com” at the same time.
                CREATE UNIQUE INDEX users_email ON users (lower(email));
                """
        ),
        EventStoreSchema.outboxTotals,
    ]

    let pool: PostgresPool
    /// Which headers are stored with events.
    let propagators: Propagators
    /// Called after a commit that queued an event, with its type.
    let onEvent: @Sendable (_ type: String) -> Void

    /// Registers a customer and queues `user.created` in one transaction.
    ///
    /// - Returns: The new customer, or the one that the same key registered before.
    /// - Throws: ALREADY_EXISTS when the address is taken; `PostgresError`.
    func insert(id: UUID, email: String, displayName: String, idempotencyKey: String?) async throws -> StoredUser {
        let created = Contrail_Events_V1_UserCreated.with {
            $0.userID = id.text
            $0.displayName = displayName
        }
        let event = NewEvent(
            event: EncodedEvent(
                type: Contrail_Events_V1_UserCreated.event.type,
                schemaVersion: Contrail_Events_V1_UserCreated.event.schemaVersion,
                payload: try created.serializedBytes()
            ),
            headers: TraceHeaders.current(propagators)
        )
        do {
            let user = try await pool.withTransaction { transaction in
                let rows = try await transaction.query(
                    "INSERT users",
                    """
                    INSERT INTO users (id, email, display_name, idempotency_key)
                    VALUES (\(id), \(email), \(displayName), \(idempotencyKey))
                    RETURNING id, email, display_name, is_blocked, created_at
                    """
                )
                try await Outbox.add(event, aggregateID: id.text, version: 1, in: transaction)
                return try rows.first.map(Self.user)
            }
            onEvent(event.event.type)
            guard let user else { throw RequestError.aborted("the customer was not stored; try again") }
            return user
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            if let idempotencyKey, let user = try await find(idempotencyKey: idempotencyKey) { return user }
            throw RequestError.alreadyExists("user", "a user with this e-mail address exists already")
        }
    }

    /// Reads a customer.
    func find(_ id: UUID) async throws -> StoredUser? {
        try await pool.query(
            "SELECT users",
            "SELECT id, email, display_name, is_blocked, created_at FROM users WHERE id = \(id)"
        ).first.map(Self.user)
    }

    private func find(idempotencyKey: String) async throws -> StoredUser? {
        try await pool.query(
            "SELECT users",
            """
            SELECT id, email, display_name, is_blocked, created_at FROM users
            WHERE idempotency_key = \(idempotencyKey)
            """
        ).first.map(Self.user)
    }

    private static func user(_ row: PostgresRow) throws -> StoredUser {
        StoredUser(
            id: try row.decode(UUID.self, "id"),
            email: try row.decode(String.self, "email"),
            displayName: try row.decode(String.self, "display_name"),
            isBlocked: try row.decode(Bool.self, "is_blocked"),
            createdAt: UInt64(clamping: try row.decode(PostgresTimestamp.self, "created_at").nanosecondsSinceEpoch)
        )
    }
}
