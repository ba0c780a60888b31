import Foundation
import Testing

@testable import ContrailCLI

@Suite("Specifications of objectives")
struct SLOSpecificationTests {
    @Test("A specification is read as it is written")
    func reading() throws {
        let specification = try SLOSpecification(SLOExample.text(), file: "shop.yaml")
        let objective = try #require(specification.objectives.first)
        #expect(specification.service == "shop" && specification.labels == ["team": "web"])
        #expect(objective.name == "sales" && objective.percentage == Decimal(string: "99.9"))
        #expect(objective.errorQuery == "sum(rate(failed[{{.window}}]))")
        #expect(objective.minimumBadEvents == 7)
        #expect(objective.page?.annotations.keys.sorted() == ["dashboard_url", "runbook_url"])
    }

    @Test(
        "A mistake is told with its file, its line, its key and what would be right",
        arguments: [
            ("prometheus/v1", "openslo/v1", "shop.yaml:1: version: only prometheus/v1 is understood"),
            ("service: shop", "service: my shop", "shop.yaml:2: service: “my shop” is no name"),
            ("service: shop", "servce: shop", "shop.yaml:2: servce: there is no such key here; known are version"),
            ("  team: web", "  sloth_id: web", "shop.yaml:4: labels.sloth_id: labels that begin with “sloth_”"),
            ("  team: web", "  te-am: web", "shop.yaml:4: labels.te-am: “te-am” is no name for a label"),
            ("99.9", "100", "shop.yaml:7: slos[0].objective: “100” is no objective; write a percentage above 0"),
            ("99.9", "high", "shop.yaml:7: slos[0].objective: “high” is no objective"),
            ("    description", "    goal", "shop.yaml:8: slos[0].goal: there is no such key here"),
            ("events:", "raw:", "shop.yaml:10: slos[0].sli.raw: there is no such key here; known are events"),
            (
                "failed[{{.window}}]", "failed[5m]",
                "shop.yaml:11: slos[0].sli.events.error_query: the query has no window"
            ),
            ("total_query", "totalquery", "slos[0].sli.events.totalquery: there is no such key here"),
            ("name: SalesFail", "name: Sales fail", "shop.yaml:14: slos[0].alerting.name: “Sales fail” is no name"),
            ("\"7\"", "some", "slos[0].alerting.annotations.minimum_bad_events: “some” is no count"),
            ("runbook_url", "runbook", "slos[0].alerting.annotations: runbook_url is missing"),
            ("slos:\n", "slos: []\nx:\n", "shop.yaml:6: x: there is no such key here"),
            ("service: shop", "service: shop\nservice: again", "shop.yaml: it is no YAML: "),
        ]
    )
    func mistakes(there: String, instead: String, message: String) {
        let text = SLOExample.text().replacing(there, with: instead, maxReplacements: 1)
        let error = #expect(throws: SLOSpecificationError.self) { try SLOSpecification(text, file: "shop.yaml") }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test("What is no specification at all is told", arguments: ["", "- a\n", "text", "a: [", "slos: 5"])
    func nonsense(text: String) {
        #expect(throws: SLOSpecificationError.self) { try SLOSpecification(text, file: "x") }
    }

    @Test("Two objectives of one name are refused")
    func twins() throws {
        let text = SLOExample.text()
        let objective = try #require(text.range(of: "  - name: sales"))
        let error = #expect(throws: SLOSpecificationError.self) {
            try SLOSpecification(text + text[objective.lowerBound...], file: "x")
        }
        #expect(error?.description.contains("two objectives “sales”") == true)
    }

    @Test("Checking finds rules that are old, missing or of no specification; writing mends what it may")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "slo-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let source = folder + "/shop.yaml"
        try SLOExample.text().write(toFile: source, atomically: true, encoding: .utf8)

        let files = try SLOFiles([source], output: folder + "/rules")
        #expect(files.differences().count == 1 && files.differences()[0].contains("is missing"))
        #expect(try files.write() == [folder + "/rules/slo-shop.yml"])
        #expect(files.differences().isEmpty)
        #expect(try files.write().isEmpty)

        try SLOExample.text(objective: "99").write(toFile: source, atomically: true, encoding: .utf8)
        let changed = try SLOFiles([source], output: folder + "/rules")
        #expect(changed.differences().first?.contains("slo-shop.yml:") == true)

        #expect(throws: Failure.self) { try SLOFiles([source, source], output: folder) }
        #expect(throws: Failure.self) { try SLOFiles([folder + "/none.yaml"], output: folder) }
    }
}
