internal import Contracts
internal import ContrailInstrumentation
internal import Foundation
internal import Logging
internal import Observability
internal import SwiftProtobuf

/// The gRPC methods about events that were given up.
struct DeadLetterHandlers: Sendable {
    let letters: DeadLetters
    let journal: NotificationJournal
    let logger: Logger
    /// How long a call searches or works before it answers with what it has and where to go on.
    var patience = Duration.seconds(2)

    /// Which letters are meant; empty means any.
    private struct Filter {
        let reason: String
        let eventType: String

        func matches(_ letter: DeadLetter) -> Bool {
            (reason.isEmpty || letter.reason == reason) && (eventType.isEmpty || letter.event.type == eventType)
        }
    }

    func list(
        _ request: Contrail_Notifications_V1_ListDeadLettersRequest
    ) async throws -> Contrail_Notifications_V1_ListDeadLettersResponse {
        guard (0...1000).contains(request.pageSize) else {
            throw RequestError.invalid("page_size", "must be 1 to 1,000, not \(request.pageSize)")
        }
        guard let first = request.pageToken.isEmpty ? 1 : UInt64(request.pageToken) else {
            throw RequestError.invalid("page_token", "must be the next_page_token of the page before")
        }
        let filter = Filter(reason: request.reason, eventType: request.eventType)
        let limit = request.pageSize == 0 ? 50 : Int(request.pageSize)
        return try await available {
            let end = ContinuousClock.now + patience
            var response = Contrail_Notifications_V1_ListDeadLettersResponse()
            var next = first
            while let letter = try await letters.next(from: next) {
                if filter.matches(letter) {
                    guard response.deadLetters.count < limit else {
                        response.nextPageToken = String(letter.sequence)
                        break
                    }
                    response.deadLetters.append(Contrail_Notifications_V1_DeadLetter(letter))
                }
                next = letter.sequence + 1
                // A filter may let nothing of a long stream through.
                guard ContinuousClock.now < end else {
                    response.nextPageToken = String(next)
                    break
                }
            }
            response.total = try await letters.count()
            return response
        }
    }

    func get(
        _ request: Contrail_Notifications_V1_GetDeadLetterRequest
    ) async throws -> Contrail_Notifications_V1_GetDeadLetterResponse {
        guard let letter = try await available({ try await letters.letter(request.sequence) }) else {
            throw RequestError.notFound("dead letter", String(request.sequence))
        }
        let redaction = LogRedaction()
        return .with {
            $0.deadLetter = Contrail_Notifications_V1_DeadLetter(letter)
            $0.headers = Dictionary(
                letter.headers.filter { !redaction.isSecret($0.name) }.map { ($0.name, $0.value) }
            ) { "\($0), \($1)" }
            $0.payload = Data(letter.payload)
        }
    }

    func redrive(
        _ request: Contrail_Notifications_V1_RedriveDeadLettersRequest
    ) async throws -> Contrail_Notifications_V1_RedriveDeadLettersResponse {
        guard request.all != !request.sequences.isEmpty else {
            throw RequestError.invalid("sequences", "must name dead letters, or all must be set, and not both")
        }
        guard request.all || request.pageToken.isEmpty else {
            throw RequestError.invalid("page_token", "goes with all only")
        }
        guard request.sequences.count <= 1000 else {
            throw RequestError.invalid("sequences", "must be at most 1,000, not \(request.sequences.count)")
        }
        var response = Contrail_Notifications_V1_RedriveDeadLettersResponse()
        if request.all {
            let filter = Filter(reason: request.reason, eventType: request.eventType)
            let end = ContinuousClock.now + patience
            var (next, last) = try await range(request.pageToken)
            while next <= last {
                let found: DeadLetter?
                do {
                    found = try await available { try await letters.next(from: next) }
                } catch  where !response.results.isEmpty {
                    // What was done is told first; the next call says what is wrong.
                    response.nextPageToken = "\(next)-\(last)"
                    break
                }
                guard let letter = found, letter.sequence <= last else { break }
                next = letter.sequence + 1
                if filter.matches(letter) {
                    response.results.append(await redrive(letter, dryRun: request.dryRun))
                }
                if next <= last, ContinuousClock.now >= end {
                    response.nextPageToken = "\(next)-\(last)"
                    break
                }
            }
        } else {
            let end = ContinuousClock.now + patience
            for sequence in request.sequences {
                if ContinuousClock.now >= end, !response.results.isEmpty {
                    response.results.append(
                        .with {
                            $0.sequence = sequence
                            $0.outcome = .failed
                            $0.message = "the call's time was up before its turn; redrive it again"
                        }
                    )
                } else if let letter = try await available({ try await letters.letter(sequence) }) {
                    response.results.append(await redrive(letter, dryRun: request.dryRun))
                } else {
                    response.results.append(
                        .with {
                            $0.sequence = sequence
                            $0.outcome = .notFound
                        }
                    )
                }
            }
        }
        return response
    }

    /// What a call for all letters has to look at. What is given up again meanwhile is not redriven in a circle.
    private func range(_ token: String) async throws -> (next: UInt64, last: UInt64) {
        guard !token.isEmpty else { return (1, try await available { try await letters.last() }) }
        let parts = token.split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0) }
        guard parts.count == 2, let next = parts[0], let last = parts[1] else {
            throw RequestError.invalid("page_token", "must be the next_page_token of the call before")
        }
        return (next, last)
    }

    private func redrive(_ letter: DeadLetter, dryRun: Bool) async -> Contrail_Notifications_V1_RedriveResult {
        var result = Contrail_Notifications_V1_RedriveResult.with {
            $0.sequence = letter.sequence
            $0.eventID = letter.event.id
        }
        if dryRun {
            result.outcome = .wouldRedrive
            return result
        }
        do {
            try Task.checkCancellation()
            try await journal.redriven(true, letter.event.id, by: letter.consumer)
            let redrive = try await letters.redrive(letter)
            result.outcome = redrive.isDuplicate ? .alreadyRedriven : .redriven
            result.streamSequence = redrive.streamSequence
            logger.info(
                "dead letter redriven",
                metadata: ["event.id": "\(letter.event.id)", "sequence": "\(letter.sequence)"]
            )
        } catch {
            // Only what certainly did not happen is taken back: after a time-out the event may be on its way.
            if (error as? DeadLetters.RedriveError)?.isCertainlyUnsent == true {
                await takeBack(letter)
            }
            result.outcome = .failed
            result.message = String("\(error)".prefix(500))
        }
        return result
    }

    /// Notes that a letter is not on its way after all, also when the call has been cancelled meanwhile.
    private func takeBack(_ letter: DeadLetter) async {
        await Task { [journal] in  // allowed: awaited here, but not cancelled from here
            try? await journal.redriven(false, letter.event.id, by: letter.consumer)
        }.value
    }

    /// Tells callers that the broker is away, and when to come again.
    private func available<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw RequestError.unavailable("nats", "the dead letters cannot be read now: \(error)")
        }
    }
}

extension Contrail_Notifications_V1_DeadLetter {
    init(_ letter: DeadLetter) {
        self.init()
        sequence = letter.sequence
        eventID = letter.event.id
        eventType = letter.event.type
        reason = letter.reason
        errorType = letter.errorType
        error = letter.error
        attempts = Int32(clamping: letter.attempts)
        subject = letter.subject
        stream = letter.stream
        streamSequence = letter.streamSequence
        consumer = letter.consumer
        deadAt = Google_Protobuf_Timestamp(unixNanoseconds: letter.deadAt)
        traceID = letter.trace?.traceID.hex ?? ""
    }
}
