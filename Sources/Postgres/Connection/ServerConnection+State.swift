internal import CLibPQ

extension ServerConnection {
    /// What the lock guards.
    struct State {
        enum Phase {
            case connecting(deadline: Moment)
            case idle
            case busy(Batch)
            case closed(any Error)
        }

        var phase = Phase.connecting(deadline: .never)
        var handle: ConnectionHandle?
        private var statements: StatementCache
        private var completion: Completion?
        private var event = Event.nothing

        var wantsToRead = true { didSet { needsWatch = needsWatch || wantsToRead != oldValue } }
        var wantsToWrite = false { didSet { needsWatch = needsWatch || wantsToWrite != oldValue } }
        var needsWatch = false

        init(capacity: Int) {
            statements = StatementCache(capacity: capacity)
        }

        mutating func takeCompletion() -> Completion? {
            defer { completion = nil }
            return completion
        }

        mutating func takeEvent() -> Event {
            defer { event = .nothing }
            return event
        }

        var deadline: Moment? {
            switch phase {
            case .connecting(let deadline): deadline
            case .busy(let batch): batch.request.deadline
            case .idle, .closed: nil
            }
        }
    }
}

extension ServerConnection.State {
    /// Ends the connection, and what is under way with an error.
    mutating func close(_ reason: any Error) {
        switch phase {
        case .closed:
            return
        case .busy(let batch):
            completion = .init(continuation: batch.continuation, outcome: .failure(reason))
        case .connecting, .idle:
            break
        }
        phase = .closed(reason)
        handle = nil
    }

    /// Ends the connection because it broke.
    private mutating func lose(_ error: PostgresError) {
        if case .connecting = phase { event = .failed(error) } else { event = .lost(error) }
        close(error)
    }

    /// Ends the connection because the deadline has come.
    mutating func expire() {
        switch phase {
        case .connecting:
            lose(
                PostgresError(.connectionUnavailable, "the server did not accept the connection within connectTimeout")
            )
        case .busy:
            lose(
                PostgresError(
                    .timeout,
                    "the server did not answer within statementTimeout and unresponsiveMargin; the connection is closed"
                )
            )
        case .idle, .closed:
            break
        }
    }

    // MARK: - Sending

    /// Sends a request, or ends it at once if that is impossible.
    mutating func begin(_ request: Request, _ continuation: Batch.Continuation) {
        let failure: any Error
        switch phase {
        case .idle:
            let batch = Batch(request, continuation)
            if case .query(let query) = request.body, let error = query.values.failure {
                completion = .init(continuation: continuation, outcome: .failure(error))
                return
            }
            phase = .busy(batch)
            transmit(batch)
            return
        case .busy:
            failure = PostgresError(
                .invalidUsage,
                "the connection is executing another statement; await it first, or use one connection for each task"
            )
        case .closed(let reason):
            // The cancellation that ended the connection may be that of another task.
            let isCancelled = reason is CancellationError && Task.isCancelled
            let isPoolClosed = (reason as? PostgresError)?.code == .closed
            failure =
                isCancelled || isPoolClosed
                ? reason : PostgresError(.connectionUnavailable, "the connection has ended", cause: reason)
        case .connecting:
            failure = PostgresError(.invalidUsage, "the connection is not open yet")
        }
        completion = .init(continuation: continuation, outcome: .failure(failure))
    }

    private mutating func transmit(_ batch: Batch) {
        guard let handle, queue(batch, on: handle) else {
            return lose(PostgresError(.connectionLost, handle?.errorMessage ?? "the connection has ended"))
        }
        flush()
    }

    /// Hands a batch to libpq.
    private mutating func queue(_ batch: Batch, on handle: ConnectionHandle) -> Bool {
        if let begin = batch.request.begin {
            if batch.isSecondAttempt {
                // The first attempt left its transaction failed.
                guard handle.send(command: "ROLLBACK") else { return false }
                batch.items.append(.command)
            }
            guard handle.send(command: begin) else { return false }
            batch.items.append(.command)
        }
        switch batch.request.body {
        case .script(let script):
            return handle.send(script: script)
        case .command(let command):
            batch.items.append(.execute)
            return handle.send(command: command) && handle.sendSync()
        case .query(let query):
            let key = StatementCache.Key(sql: query.sql, types: query.values.types)
            if let name = statements.name(of: key) {
                batch.items.append(.execute)
                return handle.send(execute: name, query.values) && handle.sendSync()
            }
            if let victim = statements.victim() {
                guard handle.send(command: "DEALLOCATE \(victim.name)") else { return false }
                batch.items.append(.drop(victim.key))
            }
            let name = statements.newName()
            batch.items.append(.prepare(key, name: name))
            batch.items.append(.execute)
            return handle.send(prepare: query.sql, name: name, types: key.types)
                && handle.send(execute: name, query.values) && handle.sendSync()
        }
    }

    private mutating func flush() {
        switch handle?.flush() {
        case let isUnfinished?: wantsToWrite = isUnfinished
        case nil: lose(PostgresError(.connectionLost, handle?.errorMessage ?? "the connection has ended"))
        }
    }

    // MARK: - Receiving

    mutating func socketReady(readable: Bool) {
        guard let handle else { return }
        switch phase {
        case .connecting:
            switch handle.poll() {
            case .waiting(let toRead):
                wantsToRead = toRead
                wantsToWrite = !toRead
                // The socket may be another one now.
                needsWatch = true
            case .established:
                phase = .idle
                wantsToRead = true
                wantsToWrite = false
                needsWatch = true
                event = .established
            case .failed(let message):
                lose(PostgresError(.connectionUnavailable, message))
            }
        case .idle, .busy:
            let isAlive = !readable || handle.consumeInput()
            collect(handle)
            if case .closed = phase { return }
            guard isAlive else {
                var error = PostgresError(.connectionLost, handle.errorMessage)
                if case .busy(let batch) = phase, let reported = batch.error { error = reported.asLoss }
                return lose(error)
            }
            if wantsToWrite { flush() }
        case .closed:
            break
        }
    }

    /// Takes the results that have arrived.
    private mutating func collect(_ handle: ConnectionHandle) {
        while case .busy(let batch) = phase, !handle.isBusy {
            guard let result = handle.nextResult() else {
                if batch.isScript { return finish(batch, handle) }
                guard !batch.lastWasMark else { return }
                batch.lastWasMark = true
                continue
            }
            batch.lastWasMark = false
            switch result.status {
            case PGRES_PIPELINE_SYNC:
                return finish(batch, handle)
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                succeed(batch, result)
            case PGRES_PIPELINE_ABORTED:
                batch.answered += 1
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                return lose(PostgresError(.invalidUsage, "COPY is not supported; the connection is closed"))
            default:
                fail(batch, result)
            }
        }
    }

    private mutating func succeed(_ batch: Batch, _ result: QueryResult) {
        guard !batch.isScript else {
            batch.result = result
            return
        }
        guard batch.items.indices.contains(batch.answered) else { return }
        switch batch.items[batch.answered] {
        case .command: break
        case .drop(let key): statements.remove(key)
        case .prepare(let key, let name): statements.insert(key, name: name)
        case .execute: batch.result = result
        }
        batch.answered += 1
    }

    private mutating func fail(_ batch: Batch, _ result: QueryResult) {
        batch.answered += 1
        guard batch.error == nil else { return }
        let error = PostgresError(result: result)
        batch.error = error
        guard case .query(let query) = batch.request.body else { return }
        if error.sqlState == .invalidStatementName {
            // Something like DISCARD ALL, or a proxy that changed the session.
            statements.removeAll()
            batch.isStale = true
        } else if error.sqlState == .featureNotSupported,
            result.errorField(clibpq_diag_function) == "RevalidateCachedQuery"
        {
            // The table was altered, so that the statement returns other columns.
            statements.remove(.init(sql: query.sql, types: query.values.types))
            batch.isStale = true
        }
    }

    /// Ends a batch, or sends it again if it failed only because its prepared statement was out of date.
    private mutating func finish(_ batch: Batch, _ handle: ConnectionHandle) {
        if batch.isScript, !handle.enterPipelineMode() {
            return lose(PostgresError(.connectionLost, handle.errorMessage))
        }
        let isRepeatable = batch.request.begin != nil || handle.transactionStatus == .none
        if batch.isStale, !batch.isSecondAttempt, isRepeatable {
            batch.isSecondAttempt = true
            batch.items = []
            batch.answered = 0
            batch.error = nil
            batch.result = nil
            return transmit(batch)
        }
        phase = .idle
        completion = .init(continuation: batch.continuation, outcome: batch.outcome)
    }
}

extension PostgresError {
    /// The server's last word before the connection broke.
    fileprivate var asLoss: PostgresError {
        PostgresError(.connectionLost, message, sqlState: sqlState, constraint: constraint, serverText: serverText)
    }
}
