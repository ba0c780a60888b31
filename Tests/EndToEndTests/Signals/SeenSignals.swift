import ContrailCLI
import Foundation
import Observability
import Testing
import TraceBackend

/// What services showed while a test ran, held against the catalogue of signals from both sides.
struct SeenSignals {
    private typealias TracedValue = TraceBackend.AttributeValue

    let catalogue: SignalCatalogue
    /// What a service showed that the catalogue does not know, or not so.
    private(set) var strange: Set<String> = []
    private var seen: Set<String> = []

    init(_ catalogue: SignalCatalogue) {
        self.catalogue = catalogue
    }

    /// What the catalogue promises and nobody showed.
    var missing: Set<String> { promised.subtracting(seen) }

    /// What the catalogue calls rare, and was seen: the remark can go.
    var unexpectedlySeen: [String] { SignalCatalogue.rareSignals.filter(seen.contains) }

    private var promised: Set<String> {
        var promised: Set<String> = []
        for metric in catalogue.metrics {
            for service in metric.services { promised.insert("metric \(metric.name) of \(service)") }
        }
        for span in catalogue.spans {
            let name = "span \(span.name) \(span.kind)"
            promised.insert(name)
            for service in span.services { promised.insert("\(name) of \(service)") }
            for attribute in span.attributes { promised.insert("\(name): \(attribute.key)") }
            for (number, _) in span.links.enumerated() { promised.insert("\(name): link \(number)") }
        }
        for event in catalogue.events { promised.insert("event \(event.name)") }
        for attribute in catalogue.attributes {
            for value in attribute.values ?? [] { promised.insert("\(attribute.key) = \(value)") }
        }
        for log in catalogue.logs {
            promised.insert("log \(log.message)")
            for service in log.services { promised.insert("log \(log.message) of \(service)") }
        }
        return promised.filter { signal in
            !SignalCatalogue.rareSignals.contains {
                signal == $0 || signal.hasPrefix($0 + " of ") || signal.hasPrefix($0 + ":")
            }
        }
    }

    // MARK: Metrics

    /// Reads an exposition in text 0.0.4.
    mutating func read(metrics text: String, of service: String) {
        let metrics = Dictionary(uniqueKeysWithValues: catalogue.metrics.map { ($0.name, $0) })
        for line in text.split(separator: "\n") {
            if let type = line.wholeMatch(of: /# TYPE (\S+) (\S+)/) {
                let metric = metrics[String(type.1)]
                let shown = metric?.type == "info" ? "gauge" : metric?.type
                if shown != String(type.2) || metric?.services.contains(service) != true {
                    strange.insert("\(service): \(line)")
                }
            } else if let help = line.wholeMatch(of: /# HELP (\S+) (.*)/) {
                if metrics[String(help.1)]?.help != String(help.2) { strange.insert("\(service): \(line)") }
            } else if let sample = line.wholeMatch(of: /([^{ ]+)(?:\{(.*)\})? \S+/) {
                let name = String(sample.1)
                let family = metrics[name].map { _ in name } ?? name.replacing(/_(bucket|sum|count)$/, with: "")
                guard let metric = metrics[family] else {
                    strange.insert("\(service): \(line)")
                    continue
                }
                seen.insert("metric \(family) of \(service)")
                seen.insert("metric \(family)")
                read(labels: String(sample.2 ?? ""), of: metric, service)
            } else {
                strange.insert("\(service): \(line)")
            }
        }
    }

    private mutating func read(labels text: String, of metric: SignalCatalogue.Metric, _ service: String) {
        let labels = text.matches(of: /(\w+)="((?:[^"\\]|\\.)*)"/).map { (String($0.1), String($0.2)) }
        let names = labels.map(\.0).filter { metric.type != "histogram" || $0 != "le" }
        // An empty label is the same as none, and an exposition may leave it out.
        if !Set(names).isSubset(of: metric.labels) { strange.insert("\(service): \(metric.name) has \(names)") }
        for (name, value) in labels {
            guard let values = catalogue.labels.first(where: { $0.name == name })?.values else { continue }
            if !values.contains(value) { strange.insert("\(service): \(metric.name) has \(name)=\(value)") }
        }
    }

    // MARK: Spans

    /// Reads the spans of a trace.
    mutating func read(_ trace: Trace) {
        for span in trace.spans where catalogue.services.contains(span.service) { read(span) }
    }

    private mutating func read(_ span: TraceSpan) {
        let declared = catalogue.spans.first { candidate in
            candidate.scope == span.scope && candidate.kind == span.kind.rawValue
                && candidate.services.contains(span.service) && Self.name(candidate.name, span) == span.name
        }
        guard let declared else {
            strange.insert("\(span.service): span \(span.name) [\(span.kind)] of \(span.scope)")
            return
        }
        let name = "span \(declared.name) \(declared.kind)"
        seen.formUnion([name, "\(name) of \(span.service)"])
        for attribute in declared.attributes where attribute.when == nil && span.attributes[attribute.key] == nil {
            strange.insert("\(span.service): \(span.name) lacks \(attribute.key)")
        }
        for (key, value) in span.attributes {
            seen.insert("\(name): \(key)")
            if !declared.attributes.contains(where: { $0.key == key }) {
                strange.insert("\(span.service): \(span.name) has \(key)")
            }
            read(key, value)
        }
        for (key, value) in span.resource {
            if !catalogue.attributes.contains(where: { $0.key == key && $0.on.contains("resource") }) {
                strange.insert("\(span.service): the resource has \(key)")
            }
            read(key, value)
        }
        for link in span.links {
            let number = declared.links.firstIndex { $0.attributes.sorted() == link.attributes.keys.sorted() }
            guard let number else {
                strange.insert("\(span.service): \(span.name) has a link with \(link.attributes.keys.sorted())")
                continue
            }
            seen.insert("\(name): link \(number)")
            for (key, value) in link.attributes { read(key, value) }
        }
        for event in span.events {
            guard let declared = catalogue.events.first(where: { $0.name == event.name }),
                declared.attributes.sorted() == event.attributes.keys.sorted()
            else {
                strange.insert("\(span.service): \(span.name) has the event \(event.name)")
                continue
            }
            seen.insert("event \(event.name)")
            for (key, value) in event.attributes { read(key, value) }
        }
    }

    private mutating func read(_ key: String, _ value: TracedValue) {
        guard let attribute = catalogue.attributes.first(where: { $0.key == key }) else { return }
        let type: AttributeDeclaration.ValueType? =
            switch value {
            case .string: .string
            case .int: .int
            case .double: .double
            case .bool: .bool
            default: nil
            }
        if type != attribute.type { strange.insert("\(key) is \(value)") }
        seen.insert("\(key) = \(value)")
        if let values = attribute.values, !values.contains("\(value)") { strange.insert("\(key) is \(value)") }
    }

    /// What a span of a declaration would be called.
    private static func name(_ pattern: String, _ span: TraceSpan) -> String {
        guard let detail = pattern.firstMatch(of: /\{(.*)\}/) else { return pattern }
        return pattern.replacing(detail.0, with: span.attributes[String(detail.1)]?.stringValue ?? "")
    }

    // MARK: Logs

    /// Reads the lines of a service's log.
    mutating func read(log text: String, of service: String) throws {
        let line = Set(catalogue.logKeys.filter(\.isOnEveryLine).map(\.key))
        let optional: Set = ["trace_id", "span_id", "trace_flags"]
        for text in text.split(separator: "\n") {
            guard let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
                strange.insert("\(service): \(text)")
                continue
            }
            let message = object["message"] as? String ?? ""
            let declared = catalogue.logs.first { $0.message == message }
            guard let declared, declared.services.contains(service),
                declared.level == object["severity_text"] as? String
            else {
                strange.insert("\(service): \(text)")
                continue
            }
            seen.formUnion(["log \(message)", "log \(message) of \(service)"])
            let keys = Set(object.keys)
            if !keys.isSubset(of: line.union(declared.keys)) || !keys.isSuperset(of: line.subtracting(optional)) {
                strange.insert("\(service): “\(message)” has \(keys.sorted())")
            }
            for key in Set(declared.keys).subtracting(keys) { strange.insert("\(service): “\(message)” lacks \(key)") }
        }
    }
}
