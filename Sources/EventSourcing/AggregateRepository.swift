/// Loads aggregates and executes commands on them.
public struct AggregateRepository<State: Aggregate, Store: EventStore>: Sendable {
    /// What became of a command.
    public struct Outcome: Sendable {
        /// The aggregate after the command.
        public let aggregate: Versioned<State>
        /// The events that it recorded; empty when the command was executed before.
        public let events: [RecordedEvent]
    }

    private let store: Store
    private let attempts: Int

    /// Creates a repository.
    ///
    /// - Parameters:
    ///   - store: Keeps the events.
    ///   - attempts: How often a command is decided anew when somebody else was faster.
    public init(store: Store, attempts: Int = 5) {
        self.store = store
        self.attempts = max(1, attempts)
    }

    /// Reads an aggregate; its version is 0 when it does not exist.
    ///
    /// - Throws: ``EventStoreError`` for a stream that cannot be folded, or what the store throws.
    public func load(_ id: String) async throws -> Versioned<State> {
        var aggregate = Versioned<State>()
        try aggregate.apply(try await store.read(id, after: 0))
        return aggregate
    }

    /// Executes a command: loads, decides, appends; decides anew when somebody else appended in between.
    ///
    /// A command whose key was executed before decides nothing and answers with the aggregate as it is.
    ///
    /// - Parameters:
    ///   - id: The aggregate.
    ///   - isNew: Whether the aggregate cannot exist yet, which saves the read.
    ///   - commandID: The command's key.
    ///   - headers: What travels with its events.
    ///   - decide: Returns the events, or throws to refuse; with none, nothing is recorded.
    /// - Returns: The aggregate after the command, and the new events.
    /// - Throws: What `decide` and the store throw; ``EventStoreError`` with code
    ///   ``EventStoreError/Code/tooManyConflicts`` when the attempts are used up.
    public func execute(
        on id: String,
        isNew: Bool = false,
        commandID: String? = nil,
        headers: [String: String] = [:],
        decide: (Versioned<State>) throws -> [State.Event]
    ) async throws -> Outcome {
        for attempt in 1...attempts {
            var aggregate = isNew && attempt == 1 ? Versioned<State>() : try await load(id)
            let events: [State.Event]
            do {
                events = try decide(aggregate)
            } catch {
                // A repeated command is usually refused by the state that its first execution made.
                guard let commandID, let original = try await store.stream(ofCommand: commandID) else { throw error }
                return Outcome(aggregate: try await load(original), events: [])
            }
            guard !events.isEmpty else { return Outcome(aggregate: aggregate, events: []) }
            do {
                let recorded = try await store.append(
                    try events.map { NewEvent(event: try $0.encoded(), headers: headers) },
                    to: id,
                    expectedVersion: aggregate.version,
                    commandID: commandID
                )
                try aggregate.apply(recorded)
                return Outcome(aggregate: aggregate, events: recorded)
            } catch let error as EventStoreError where error.code == .versionConflict {
                continue
            } catch let error as EventStoreError where error.code == .duplicateCommand {
                // The aggregate may be another one: a repeated creation draws a new id before it is recognised.
                let original = try await commandID.flatMapAsync(store.stream(ofCommand:))
                return Outcome(aggregate: try await load(original ?? id), events: [])
            }
        }
        throw EventStoreError(
            .tooManyConflicts,
            "\(attempts) attempts to change \(id) met other writers; try again"
        )
    }
}

extension Optional {
    fileprivate func flatMapAsync<T>(_ transform: (Wrapped) async throws -> T?) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
