extension ConsumerConfiguration {
    /// Refuses a declaration that contradicts itself, with the reason and the values.
    ///
    /// - Throws: `JetStreamError` with `.invalidDeclaration`; `NATSError` for a name or subject that is none.
    public func validate() throws {
        try Subjects.validate(name: durableName, of: "consumer")
        for subject in filterSubjects { try Subjects.validate(subject, allowsWildcards: true) }
        for (index, subject) in filterSubjects.enumerated() {
            if let other = filterSubjects[..<index].first(where: { Subjects.overlap($0, subject) }) {
                throw refuse("its filter subjects '\(other)' and '\(subject)' overlap")
            }
        }
        if let ackWait, ackWait <= .zero { throw refuse("ackWait \(ackWait) is not positive") }
        if let maxDeliver, maxDeliver == 0 { throw refuse("maxDeliver is 0; use -1 for no limit") }
        guard let backoff, let first = backoff.first else { return }
        if let step = backoff.first(where: { $0 <= .zero }) { throw refuse("a backoff of \(step) is not positive") }
        if ackPolicy != .explicit {
            throw refuse("backoff needs explicit acknowledgement, not '\(ackPolicy.rawValue)'")
        }
        if let ackWait, ackWait < first {
            throw refuse(
                "ackWait \(ackWait) is shorter than its backoff: the first entry, \(first), takes its place; "
                    + "declare both the same"
            )
        }
        if let ackWait, ackWait > first {
            throw refuse(
                "the first backoff entry, \(first), takes the place of ackWait \(ackWait) and would deliver again what is "
                    + "still in progress; declare both the same"
            )
        }
        if let maxDeliver, maxDeliver > 0, backoff.count > maxDeliver {
            throw refuse("backoff has \(backoff.count) entries, more than the \(maxDeliver) deliveries of maxDeliver")
        }
    }

    /// Refuses what the stream, or another consumer of it, makes impossible.
    func validate(on stream: StreamConfiguration, beside others: [ConsumerConfiguration]) throws {
        for filter in filterSubjects where !stream.subjects.contains(where: { Subjects.overlap($0, filter) }) {
            throw refuse(
                "it filters '\(filter)', and stream '\(stream.name)' keeps only \(stream.subjects.joined(separator: ", "))"
            )
        }
        guard stream.retention == .workQueue else { return }
        if ackPolicy != .explicit {
            throw refuse(
                "'\(stream.name)' is a work queue, which needs explicit acknowledgement, not '\(ackPolicy.rawValue)'"
            )
        }
        if deliverPolicy != .all {
            throw refuse(
                "'\(stream.name)' is a work queue, which needs deliver policy 'all', not '\(deliverPolicy.rawValue)'"
            )
        }
        for other in others where other.durableName != durableName {
            let mine = filterSubjects.isEmpty ? [">"] : filterSubjects
            let theirs = other.filterSubjects.isEmpty ? [">"] : other.filterSubjects
            for filter in mine {
                guard let overlap = theirs.first(where: { Subjects.overlap($0, filter) }) else { continue }
                throw refuse(
                    "'\(stream.name)' is a work queue, which delivers each subject to one consumer: its filter "
                        + "'\(filter)' overlaps with '\(overlap)' of consumer '\(other.durableName)'"
                )
            }
        }
    }

    private func refuse(_ reason: String) -> JetStreamError {
        JetStreamError(.invalidDeclaration, "consumer '\(durableName)' is declared as it must not be: \(reason)")
    }
}
