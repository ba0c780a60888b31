public import Postgres

/// The tables that this module owns, as migrations for the services that use them.
///
/// Numbers below 100 belong to this module; a service's own migrations start at 100. A step of this module that came after
/// those has a number from 200 on, because databases run steps in ascending order and refuse one that comes too late.
public enum EventStoreSchema {
    /// Events of aggregates.
    public static let events = PostgresMigration(
        version: 1,
        name: "events",
        sql: """
            CREATE TABLE events (
                -- Readers order by (tx, position) below the oldest running transaction; positions alone have gaps.
                position bigint GENERATED ALWAYS AS IDENTITY,
                tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
                stream text NOT NULL,
                version bigint NOT NULL CHECK (version > 0),
                id uuid NOT NULL,
                type text NOT NULL,
                schema_version integer NOT NULL,
                payload bytea NOT NULL,
                headers jsonb NOT NULL,
                command_id text,
                recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                CONSTRAINT events_stream_version PRIMARY KEY (stream, version),
                CONSTRAINT events_id UNIQUE (id)
            );
            CREATE UNIQUE INDEX events_command_id ON events (command_id) WHERE command_id IS NOT NULL;
            CREATE INDEX events_order ON events (tx, position);
            """
    )

    /// Events that wait for the relay.
    public static let outbox = PostgresMigration(
        version: 2,
        name: "outbox",
        sql: """
            CREATE TABLE outbox (
                position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                id uuid NOT NULL CONSTRAINT outbox_id UNIQUE,
                aggregate_id text NOT NULL,
                version bigint NOT NULL,
                type text NOT NULL,
                schema_version integer NOT NULL,
                payload bytea NOT NULL,
                headers jsonb NOT NULL,
                recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                attempts integer NOT NULL DEFAULT 0,
                next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
                last_error text
            );
            CREATE INDEX outbox_aggregate ON outbox (aggregate_id, position);
            """
    )

    /// How many events the relay has published: with those that wait, all that were ever queued.
    public static let outboxTotals = PostgresMigration(
        version: 200,
        name: "outbox totals",
        sql: """
            CREATE TABLE outbox_totals (
                -- One row.
                id boolean PRIMARY KEY DEFAULT true CHECK (id),
                published bigint NOT NULL
            );
            INSERT INTO outbox_totals (published) VALUES (0);
            """
    )

    /// Events that a consumer has handled.
    public static let inbox = PostgresMigration(
        version: 3,
        name: "inbox",
        sql: """
            CREATE TABLE inbox (
                consumer text NOT NULL,
                event_id text NOT NULL,
                handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                CONSTRAINT inbox_event PRIMARY KEY (consumer, event_id)
            );
            CREATE INDEX inbox_handled_at ON inbox (handled_at);
            """
    )
}
