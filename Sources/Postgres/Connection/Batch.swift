/// What is sent in one round trip.
struct Request: Sendable {
    enum Body: Sendable {
        /// A statement, prepared on first use.
        case query(PostgresQuery)
        /// A command without values, such as COMMIT.
        case command(String)
        /// Statements that are separated by semicolons.
        case script(String)
    }

    var body: Body
    /// A BEGIN that goes ahead of the statement.
    var begin: String?
    var deadline: Moment
}

/// A request under way: which answers are expected, and what has come of them.
///
/// It belongs to one ``ServerConnection`` and is used under its lock.
final class Batch {
    /// What an answer answers.
    enum Item {
        case command
        case drop(StatementCache.Key)
        case prepare(StatementCache.Key, name: String)
        case execute
    }

    typealias Continuation = CheckedContinuation<QueryResult?, any Error>

    let request: Request
    let continuation: Continuation
    var items: [Item] = []
    var answered = 0
    var result: QueryResult?
    var error: PostgresError?
    /// Whether the server no longer knew the prepared statement, or its plan was out of date.
    var isStale = false
    var isSecondAttempt = false
    /// Whether the last answer was the mark between statements; two in a row mean that libpq has lost its place.
    var lastWasMark = false

    init(_ request: Request, _ continuation: Continuation) {
        self.request = request
        self.continuation = continuation
    }

    var isScript: Bool {
        if case .script = request.body { true } else { false }
    }

    /// The error if there is one, else the last statement's result.
    var outcome: Result<QueryResult?, any Error> {
        if let error { .failure(error) } else { .success(result) }
    }
}
