internal import Observability
internal import Postgres
private import Synchronization
internal import Tracing

/// Records a CLIENT span and the duration of every statement.
///
/// A statement outside any trace, such as a relay's poll, is measured but begins no trace of its own: thousands of
/// one-span traces would bury the journeys. Implements the database conventions of OpenTelemetry 1.44 for PostgreSQL.
struct DatabaseObserver: PostgresObserver {
    private let tracer: OTelTracer
    private let duration: MetricFamily<HistogramMetric>
    private let waitTime: HistogramMetric

    init(telemetry: Telemetry, pool: String) {
        tracer = telemetry.tracer(for: .databaseStatement)
        duration = telemetry.metrics.histogram(
            "db_client_operation_duration_seconds",
            help: "Duration of database statements.",
            unit: .seconds,
            labels: ["db_system_name", "db_namespace", "db_query_summary", "error_type"],
            buckets: .databaseSeconds
        )
        waitTime =
            telemetry.metrics.histogram(
                "db_client_connection_wait_time_seconds",
                help: "Time that callers waited for a connection of the pool.",
                unit: .seconds,
                labels: ["db_client_connection_pool_name"],
                buckets: .databaseSeconds
            ).labels(pool)
    }

    func operationStarted(_ operation: PostgresOperation) -> (any PostgresObservation)? {
        let parent = ActiveContext.current
        var span: OTelSpan?
        if parent.spanContext != nil {
            span = tracer.startSpan(.databaseStatement, operation.summary, parent: parent) { attributes in
                attributes[SemanticConventions.dbSystemName] = "postgresql"
                attributes[SemanticConventions.dbNamespace] = .string(operation.database)
                attributes[SemanticConventions.dbQuerySummary] = .string(operation.summary)
                attributes[SemanticConventions.dbQueryText] = .string(operation.sql)
                attributes[SemanticConventions.serverAddress] = .string(operation.host)
                if operation.port != 5432 { attributes[SemanticConventions.serverPort] = .int(operation.port) }
            }
        }
        return Observation(span: span, duration: duration, operation: operation)
    }

    func connectionAcquired(wait: Duration) {
        waitTime.observe(wait / .seconds(1))
    }

    func connectionRefused(_ error: PostgresError, wait: Duration) {
        // Who waited in vain waited longest.
        waitTime.observe(wait / .seconds(1))
    }

    private struct Observation: PostgresObservation {
        let span: OTelSpan?
        let duration: MetricFamily<HistogramMetric>
        let operation: PostgresOperation
        let stopwatch = Stopwatch()

        func finished(_ outcome: Result<Int, PostgresError>) {
            var errorType = ""
            // What its caller no longer wanted has not failed.
            if case .failure(let error) = outcome, error.code != .cancelled {
                errorType = error.sqlState?.rawValue ?? error.code.description
                if let state = error.sqlState {
                    span?.setAttribute(SemanticConventions.dbResponseStatusCode, .string(state.rawValue))
                }
                span?.setError(type: errorType, message: error.description)
            }
            duration.labels("postgresql", operation.database, operation.summary, errorType)
                .observe(stopwatch.seconds, exemplar: span?.exportedContext)
            span?.end()
        }
    }
}
