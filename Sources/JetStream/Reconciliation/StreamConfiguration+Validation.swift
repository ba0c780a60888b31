extension StreamConfiguration {
    /// Refuses a declaration that loses messages or that a server would refuse, with the reason and the values.
    ///
    /// - Throws: `JetStreamError` with `.invalidDeclaration`; `NATSError` for a name or subject that is none.
    public func validate() throws {
        try Subjects.validate(name: name, of: "stream")
        for subject in subjects { try Subjects.validate(subject, allowsWildcards: true) }
        func refuse(_ reason: String) -> JetStreamError {
            JetStreamError(.invalidDeclaration, "stream '\(name)' is declared as it must not be: \(reason)")
        }
        for (index, subject) in subjects.enumerated() {
            if let other = subjects[..<index].first(where: { Subjects.overlap($0, subject) }) {
                throw refuse("its subjects '\(other)' and '\(subject)' overlap")
            }
        }
        if retention == .workQueue {
            if let maxAge, maxAge > .zero {
                throw refuse("maxAge \(maxAge) removes work from a work queue that nobody has done; leave it out")
            }
            if discard == .old {
                throw refuse("discard 'old' removes work from a full work queue that nobody has done; use 'new'")
            }
        }
        if let maxAge, let duplicateWindow, maxAge > .zero, duplicateWindow > maxAge {
            throw refuse("duplicateWindow \(duplicateWindow) is longer than maxAge \(maxAge)")
        }
        if let maxAge, maxAge > .zero, maxAge < .milliseconds(100) {
            throw refuse("maxAge \(maxAge) is shorter than the 0.1 s that a server takes")
        }
        if let duplicateWindow, duplicateWindow < .zero {
            throw refuse("duplicateWindow \(duplicateWindow) is negative")
        }
        if let maxBytes, let maxMessageSize, maxBytes > 0, Int64(maxMessageSize) > maxBytes {
            throw refuse("maxMessageSize \(maxMessageSize) is larger than maxBytes \(maxBytes)")
        }
        if let replicas, !(1...5).contains(replicas) { throw refuse("replicas is \(replicas); it is 1, 3 or 5") }
    }
}
