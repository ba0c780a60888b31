/// One delivery of a message and the way back to who delivered it.
protocol Delivery: AnyObject, Sendable {
    var subject: String { get }
    var headers: NATSHeaders { get }
    var payload: [UInt8] { get }

    /// Sends an answer without waiting.
    func answer(_ answer: DeliveryAnswer) throws
    /// Sends an answer and waits until it is noted.
    func confirm(_ answer: DeliveryAnswer, timeout: Duration) async throws
}

/// What is said about a delivery (NATS ADR-15).
enum DeliveryAnswer {
    case acknowledge
    case retry(after: Duration)
    case inProgress
    case terminate(reason: String?)

    private static let acknowledgement = Array("+ACK".utf8)
    private static let progress = Array("+WPI".utf8)

    /// The form on the wire.
    var bytes: [UInt8] {
        switch self {
        case .acknowledge: Self.acknowledgement
        case .retry(let delay): Array(#"-NAK {"delay": \#(max(0, delay.nanoseconds))}"#.utf8)
        case .inProgress: Self.progress
        case .terminate(let reason): Array((reason.map { "+TERM \($0)" } ?? "+TERM").utf8)
        }
    }
}

/// A delivery by a server.
final class NATSDelivery: Delivery {
    private let message: ReceivedMessage
    private let connection: ConnectionCore

    init(_ message: ReceivedMessage, connection: ConnectionCore) {
        self.message = message
        self.connection = connection
    }

    var subject: String { message.subject }
    var headers: NATSHeaders { message.headers }
    var payload: [UInt8] { message.payload }

    func answer(_ answer: DeliveryAnswer) throws {
        try connection.enqueue(OutgoingMessage(subject: message.reply, payload: answer.bytes))
    }

    func confirm(_ answer: DeliveryAnswer, timeout: Duration) async throws {
        _ = try await connection.request(
            EncodedMessage(subject: message.reply, payload: answer.bytes),
            timeout: timeout
        )
    }
}
