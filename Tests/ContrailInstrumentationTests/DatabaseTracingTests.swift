import ContrailInstrumentation
import Foundation
import LocalStack
import Logging
import Observability
import TestKit
import Testing
import Tracing

@Suite("Spans and metrics of statements, against a PostgreSQL server")
struct DatabaseTracingTests {
    private let spans = InMemorySpanProcessor()
    private let telemetry: Telemetry

    init() {
        telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test("What gets no connection is a failed statement, and has waited for one")
    func noConnection() async throws {
        let pool = try Database.makePool(
            // Nobody listens there.
            environment: [
                "PGHOST": "127.0.0.1", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "x", "PGDATABASE": "things",
            ],
            name: "things",
            maximumConnections: 1,
            telemetry: telemetry
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await pool.run() }
            await telemetry.tracer("test").withSpan("origin") { _ in
                await #expect(throws: PostgresError.self) { _ = try await pool.query("SELECT value", "SELECT 1") }
                await #expect(throws: PostgresError.self) { try await pool.withTransaction { _ in } }
                await #expect(throws: PostgresError.self) { try await pool.withConnection { _ in } }
            }
            group.cancelAll()
        }
        for name in ["SELECT value", "BEGIN", "connection"] {
            let span = try #require(spans.spans(named: name).first, "\(name)")
            #expect(span.attributes["error.type"] != nil && span.status != .unset, "\(name)")
            try expectDeclared(span, telemetry)
        }
        let lines = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self).split(separator: "\n")
        let failures = lines.filter { $0.hasPrefix("db_client_operation_duration_seconds_count{") }
        #expect(failures.count == 3 && failures.allSatisfy { !$0.contains("error_type=\"\"") }, "\(failures)")
        #expect(lines.contains { $0.hasPrefix("db_client_connection_wait_time_seconds_count") && $0.hasSuffix(" 3") })
    }

    @Test("Statements of a trace have spans; all are measured; failures tell their SQLSTATE")
    func statements() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-db-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let server = try await PostgresServer.start(in: folder, fsync: false, logger: telemetry.logger)
        let result: Result<Void, any Error>
        do {
            let pool = try Database.makePool(
                environment: try await server.ensureDatabase(name: "things"),
                name: "things",
                maximumConnections: 2,
                telemetry: telemetry
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await pool.run() }
                defer { group.cancelAll() }
                _ = try await pool.query("SELECT nothing", "SELECT 1")
                #expect(spans.spans.isEmpty, "a statement outside of a trace began one")
                let secret = "canary"
                try await telemetry.tracer("test").withSpan("origin") { origin in
                    _ = try await pool.query("SELECT value", "SELECT \(secret)::text AS value")
                    await #expect(throws: PostgresError.self) {
                        _ = try await pool.query("SELECT mistake", "SELECT * FROM nowhere")
                    }
                    let select = try #require(spans.spans(named: "SELECT value").first)
                    #expect(select.kind == .client && select.parentSpanID == origin.spanContext.spanID)
                    #expect(select.status == .unset)
                    #expect(select.attributes["db.query.text"] == "SELECT $1::text AS value")
                    #expect(!"\(select)".contains(secret))
                    try expectDeclared(select, telemetry)
                    let mistake = try #require(spans.spans(named: "SELECT mistake").first)
                    #expect(mistake.attributes["error.type"] == "42P01")
                    #expect(mistake.attributes["db.response.status_code"] == "42P01")
                    #expect(mistake.status != .unset)
                    try expectDeclared(mistake, telemetry)
                    try await expectCancelled(pool, spans)
                }
                let text = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self).split(
                    separator: "\n"
                )
                let durations = text.filter { $0.hasPrefix("db_client_operation_duration_seconds_count{") }
                for name in ["SELECT nothing", "SELECT value", "SELECT mistake"] {
                    #expect(durations.contains { $0.contains("\"\(name)\"") && $0.hasSuffix(" 1") })
                }
                #expect(durations.contains { $0.contains("error_type=\"42P01\"") })
                let waits = text.filter { $0.hasPrefix("db_client_connection_wait_time_seconds_count{") }
                #expect(waits.count == 1 && !waits[0].hasSuffix(" 0"))
                #expect(text.contains { $0.hasPrefix("db_client_connection_count{") && $0.contains("\"idle\"") })
                #expect(text.contains { $0.hasPrefix("db_client_connection_pending_requests{") })
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await server.stop()
        try result.get()
    }

    /// A statement that its caller cancelled while the server was at work is no failure.
    private func expectCancelled(_ pool: PostgresPool, _ spans: InMemorySpanProcessor) async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) {
                    _ = try await pool.query("SELECT sleep", "SELECT pg_sleep(60)")
                }
            }
            _ = await eventually { pool.statistics.used == 1 }
            group.cancelAll()
        }
        let sleep = try #require(spans.spans(named: "SELECT sleep").first)
        #expect(sleep.status == .unset && sleep.attributes["error.type"] == nil)
    }
}
