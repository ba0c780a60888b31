internal import Foundation

extension SLOSpecification {
    /// Reads a specification.
    ///
    /// - Parameters:
    ///   - text: A document of Sloth's specification `prometheus/v1`, without plugins and with event-based indicators only.
    ///     The annotation `minimum_bad_events` is ours: Sloth passes it on, and the generator's alerts wait for so many.
    ///   - file: Its name, for errors.
    /// - Throws: ``SLOSpecificationError``, which names the file, the line, the key and what would be right.
    init(_ text: String, file: String) throws {
        let root = try YAMLMapping(document: text, file: file)
        try root.allow("version", "service", "labels", "slos")
        guard try root.string("version") == "prometheus/v1" else {
            throw root.error("version", "only prometheus/v1 is understood")
        }
        service = try root.identifier("service")
        labels = try root.labels("labels")
        objectives = []
        for node in try root.list("slos") {
            let objective = try ServiceLevelObjective(node)
            guard !objectives.contains(where: { $0.name == objective.name }) else {
                throw node.error("name", "there are two objectives “\(objective.name)”; each needs a name of its own")
            }
            objectives.append(objective)
        }
    }
}

extension ServiceLevelObjective {
    fileprivate init(_ node: YAMLMapping) throws {
        try node.allow("name", "objective", "description", "labels", "sli", "alerting")
        name = try node.identifier("name")
        percentage = try node.percentage("objective")
        _ = try node.stringIfPresent("description")
        labels = try node.labels("labels")

        let indicator = try node.map("sli")
        try indicator.allow("events")
        let events = try indicator.map("events")
        try events.allow("error_query", "total_query")
        errorQuery = try events.query("error_query")
        totalQuery = try events.query("total_query")

        let alerting = try node.map("alerting")
        try alerting.allow("name", "labels", "annotations", "page_alert", "ticket_alert")
        alertName = try alerting.string("name")
        guard alertName.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
            throw alerting.error("name", "“\(alertName)” is no name for an alert; write letters and digits only")
        }
        var annotations = try alerting.mapIfPresent("annotations")?.strings() ?? [:]
        minimumBadEvents = 1
        if let written = annotations.removeValue(forKey: "minimum_bad_events") {
            guard let count = Int(written), count > 0 else {
                let place = try alerting.map("annotations")
                throw place.error("minimum_bad_events", "“\(written)” is no count; write a whole number from 1")
            }
            minimumBadEvents = count
        }
        let common = Alert(labels: try alerting.labels("labels"), annotations: annotations)
        page = try alerting.alert("page_alert", common: common)
        ticket = try alerting.alert("ticket_alert", common: common)
    }
}

extension YAMLMapping {
    /// A name of which names of rules are made, as Sloth demands it.
    fileprivate func identifier(_ key: String) throws -> String {
        let text = try string(key)
        let isName = text.wholeMatch(of: /[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?/) != nil
        guard isName else {
            throw error(key, "“\(text)” is no name; write letters, digits, “-”, “_” and “.”, as in create-order")
        }
        return text
    }

    fileprivate func percentage(_ key: String) throws -> Decimal {
        let text = try string(key)
        guard text.wholeMatch(of: /[0-9]{1,3}(\.[0-9]{1,9})?/) != nil, let value = Decimal(string: text),
            value > 0, value < 100
        else {
            throw error(key, "“\(text)” is no objective; write a percentage above 0 and below 100, as 99.9")
        }
        return value
    }

    fileprivate func labels(_ key: String) throws -> [String: String] {
        guard let map = try mapIfPresent(key) else { return [:] }
        let labels = try map.strings()
        for name in labels.keys.sorted() {
            guard name.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil else {
                throw map.error(name, "“\(name)” is no name for a label; write letters, digits and “_”")
            }
            guard !name.hasPrefix("sloth_"), !name.hasPrefix("__") else {
                throw map.error(name, "labels that begin with “sloth_” or “__” are set by the generator")
            }
        }
        return labels
    }

    fileprivate func query(_ key: String) throws -> String {
        let text = try string(key).trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.firstMatch(of: /\[\{\{ *\.window *\}\}\]/) != nil else {
            throw error(key, "the query has no window; write [{{.window}}] where the range of a rate belongs")
        }
        return text
    }

    fileprivate func alert(
        _ key: String,
        common: ServiceLevelObjective.Alert
    ) throws -> ServiceLevelObjective.Alert? {
        var alert = common
        let own = try mapIfPresent(key)
        if let own {
            try own.allow("disable", "labels", "annotations")
            if try own.bool("disable", default: false) { return nil }
            alert.labels.merge(try own.labels("labels")) { $1 }
            alert.annotations.merge(try own.mapIfPresent("annotations")?.strings() ?? [:]) { $1 }
        }
        for name in ["runbook_url", "dashboard_url"] where alert.annotations[name] == nil {
            throw error("annotations", "\(name) is missing; whoever is told of the alert needs it")
        }
        return alert
    }
}
