internal import CLibPQ

extension PostgresError {
    /// Creates the error of a failed result.
    init(result: QueryResult) {
        let state = result.errorField(clibpq_diag_sqlstate).map(SQLState.init(rawValue:))
        let primary = result.errorField(clibpq_diag_message) ?? result.errorText.singleLine
        let details = [
            primary,
            result.errorField(clibpq_diag_detail).map { "detail: \($0)" },
            result.errorField(clibpq_diag_hint).map { "hint: \($0)" },
        ]
        let severity = result.errorField(clibpq_diag_severity) ?? ""
        let isFatal = severity == "FATAL" || severity == "PANIC"
        let code: Code =
            switch state {
            // libpq makes such results up when the connection breaks.
            case nil: .connectionLost
            case _ where isFatal: .connectionLost
            case .queryCanceled?: .timeout
            case _: .server
            }
        self.init(
            code,
            // Messages about malformed data quote it.
            state?.classCode == "22" ? "the server refused a value" : primary,
            sqlState: state,
            constraint: result.errorField(clibpq_diag_constraint),
            serverText: details.compactMap(\.self).joined(separator: "; ")
        )
    }
}

extension String {
    /// The text in one line.
    var singleLine: String {
        split(whereSeparator: \.isNewline).map { $0.drop { $0.isWhitespace } }.joined(separator: "; ")
    }
}
