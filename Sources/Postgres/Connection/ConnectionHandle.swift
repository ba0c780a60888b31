internal import CLibPQ

/// The handle of one connection of libpq, which belongs to one ``ServerConnection`` and is used under its lock.
///
/// No method blocks except ``open(_:)``, which may look up a host's name.
final class ConnectionHandle {
    private let handle: OpaquePointer

    private init(owning handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        PQfinish(handle)
    }

    /// Starts to open a connection; to be continued with ``poll()``.
    static func open(_ parameters: [(keyword: String, value: String)]) throws(PostgresError) -> ConnectionHandle {
        let pointer = withCStrings(parameters.map(\.keyword)) { keywords in
            withCStrings(parameters.map(\.value)) { values in
                PQconnectStartParams(keywords, values, 0)
            }
        }
        guard let pointer else { throw PostgresError(.connectionUnavailable, "libpq is out of memory") }
        let handle = ConnectionHandle(owning: pointer)
        clibpq_silence_notices(pointer)
        guard PQstatus(pointer) != CONNECTION_BAD else {
            throw PostgresError(.connectionUnavailable, handle.errorMessage)
        }
        return handle
    }

    /// How far opening a connection is.
    enum Progress {
        case waiting(toRead: Bool)
        case established
        case failed(String)
    }

    /// Continues to open the connection.
    func poll() -> Progress {
        switch PQconnectPoll(handle) {
        case PGRES_POLLING_READING: return .waiting(toRead: true)
        case PGRES_POLLING_WRITING: return .waiting(toRead: false)
        case PGRES_POLLING_OK:
            guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
                return .failed(errorMessage)
            }
            return .established
        default:
            return .failed(errorMessage)
        }
    }

    /// The socket, which may change while the connection is opened.
    var socket: Int32 { PQsocket(handle) }

    /// What libpq says about the last failure on this connection.
    var errorMessage: String {
        PQerrorMessage(handle).map { String(cString: $0).singleLine } ?? "no reason known"
    }

    /// How the session stands towards transactions.
    var transactionStatus: TransactionStatus {
        switch PQtransactionStatus(handle) {
        case PQTRANS_IDLE: .none
        case PQTRANS_INTRANS: .open
        case PQTRANS_INERROR: .failed
        default: .unknown
        }
    }

    /// Sends a command without values.
    func send(command: String) -> Bool {
        PQsendQueryParams(handle, command, 0, nil, nil, nil, nil, 1) == 1
    }

    /// Sends statements that are separated by semicolons, outside pipeline mode, where libpq does not allow them.
    func send(script: String) -> Bool {
        PQexitPipelineMode(handle) == 1 && PQsendQuery(handle, script) == 1
    }

    /// Sends a statement for preparation.
    func send(prepare sql: String, name: String, types: [UInt32]) -> Bool {
        types.withUnsafeBufferPointer {
            PQsendPrepare(handle, name, sql, Int32($0.count), $0.baseAddress) == 1
        }
    }

    /// Sends the execution of a prepared statement; the rows come in binary form.
    func send(execute name: String, _ values: PostgresValues) -> Bool {
        values.withParameters { pointers, lengths, formats in
            PQsendQueryPrepared(handle, name, Int32(values.count), pointers, lengths, formats, 1) == 1
        }
    }

    /// Ends a batch.
    func sendSync() -> Bool {
        PQpipelineSync(handle) == 1
    }

    func enterPipelineMode() -> Bool {
        PQenterPipelineMode(handle) == 1
    }

    /// Writes what is buffered.
    ///
    /// - Returns: whether bytes are left, or `nil` if the connection is broken.
    func flush() -> Bool? {
        switch PQflush(handle) {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// Reads what has arrived.
    ///
    /// - Returns: whether the connection is alive.
    func consumeInput() -> Bool {
        PQconsumeInput(handle) == 1
    }

    /// Whether the next result has not arrived as a whole.
    var isBusy: Bool { PQisBusy(handle) == 1 }

    /// The next result, or `nil` at the end of a statement's results.
    func nextResult() -> QueryResult? {
        PQgetResult(handle).map { QueryResult(owning: $0) }
    }
}

/// How a session stands towards transactions.
enum TransactionStatus: Sendable {
    case none, open, failed, unknown
}

/// Lends texts as a C array that ends with NULL. The pointers are valid within `body` only.
private func withCStrings<Result>(
    _ texts: [String],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    var offsets: [Int] = []
    var bytes: [CChar] = []
    for text in texts {
        offsets.append(bytes.count)
        bytes.append(contentsOf: text.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { bytes in
        let pointers = offsets.map { bytes.baseAddress?.advanced(by: $0) } + [nil]
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
