internal import Foundation

/// What Alertmanager posts to a webhook: a group of alerts (the webhook's data format, version 4).
struct AlertNotification: Sendable {
    /// Why a body is no notification.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What is looked at of one alert.
    struct Alert: Hashable, Sendable {
        /// The label `alertname`.
        let name: String
        /// Whether it has not ended.
        let isFiring: Bool
        /// When it began; `nil` when that cannot be read.
        let startsAt: Date?
        /// The texts among its annotations.
        let annotations: [String: String]
    }

    /// What is added to one alert, in this order.
    typealias Additions = [(name: String, text: String)]

    private static let alertsName = "alerts"
    private static let annotationsName = "annotations"
    private static let commonAnnotationsName = "commonAnnotations"

    private var root: [JSONValue.Member]
    /// The alerts in their order.
    let alerts: [Alert]

    /// Reads a body.
    init(_ body: [UInt8]) throws(Failure) {
        let value: JSONValue
        do {
            value = try JSONReader.read(body)
        } catch {
            throw Failure(description: "the body is not JSON: \(error)")
        }
        guard let root = value.members else { throw Failure(description: "the body is not a JSON object") }
        guard let elements = value[Self.alertsName]?.elements else {
            throw Failure(description: "the body has no array “alerts”; Alertmanager's webhook format has one")
        }
        guard elements.allSatisfy({ $0.members != nil }) else {
            throw Failure(description: "an element of “alerts” is not a JSON object")
        }
        self.root = root
        alerts = elements.map { Alert($0) }
    }

    /// The name of the receiver in Alertmanager's configuration.
    var receiver: String { JSONValue.object(root)["receiver"]?.text ?? "" }

    /// Adds annotations and writes the notification.
    ///
    /// An annotation that all alerts of the group share belongs to `commonAnnotations` as well, where Alertmanager puts
    /// those that it knows of, because that is where many templates look.
    ///
    /// - Parameter additions: What is added to each alert, in the order of ``alerts``.
    func body(adding additions: [Additions]) -> [UInt8] {
        var root = root
        let common = Self.common(additions)
        for index in root.indices {
            switch root[index].name.text {
            case Self.alertsName:
                guard let elements = root[index].value.elements, elements.count == additions.count else { continue }
                root[index].value = .array(
                    zip(elements, additions).map { Self.adding($1, to: $0, Self.annotationsName) }
                )
            case Self.commonAnnotationsName:
                var members = root[index].value.members ?? []
                for (name, text) in common { members.set(name, text) }
                if !common.isEmpty { root[index].value = .object(members) }
            default:
                break
            }
        }
        return JSONValue.object(root).serialized
    }

    /// What is added to every alert.
    private static func common(_ additions: [Additions]) -> Additions {
        (additions.first ?? []).filter { addition in additions.allSatisfy { list in list.contains { $0 == addition } } }
    }

    private static func adding(_ additions: Additions, to alert: JSONValue, _ name: String) -> JSONValue {
        guard !additions.isEmpty, var members = alert.members else { return alert }
        var annotations = alert[name]?.members ?? []
        for (name, text) in additions { annotations.set(name, text) }
        if let index = members.lastIndex(where: { $0.name.text == name }) {
            members[index].value = .object(annotations)
        } else {
            members.append(JSONValue.Member(name: JSONString(name), value: .object(annotations)))
        }
        return .object(members)
    }
}

extension AlertNotification.Alert {
    fileprivate init(_ alert: JSONValue) {
        name = alert["labels"]?["alertname"]?.text ?? ""
        isFiring = alert["status"]?.text == "firing"
        startsAt = alert["startsAt"]?.text.flatMap { Self.date($0) }
        var texts: [String: String] = [:]
        for member in alert["annotations"]?.members ?? [] { texts[member.name.text] = member.value.text }
        annotations = texts
    }

    /// Reads an instant of RFC 3339 to the second: with any number of digits after it, as Go writes them.
    private static func date(_ text: String) -> Date? {
        let whole = text.replacing(/\.[0-9]+/, with: "", maxReplacements: 1)
        guard let date = try? Date(whole, strategy: .iso8601), date.timeIntervalSince1970 > 0 else { return nil }
        return date
    }
}
