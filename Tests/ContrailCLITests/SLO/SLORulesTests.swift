import Foundation
import Testing

@testable import ContrailCLI

@Suite("Rules of objectives")
struct SLORulesTests {
    @Test("The rules in the repository are what its specifications make")
    func committed() throws {
        let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
        let specifications = root.appending(path: SLOFiles.specifications)
        let names = try FileManager.default.contentsOfDirectory(atPath: specifications.path).sorted()
        #expect(names.count >= 3)
        for name in names {
            let source = "\(SLOFiles.specifications)/\(name)"
            let text = try String(contentsOf: specifications.appending(path: name), encoding: .utf8)
            let specification = try SLOSpecification(text, file: source)
            let rules = root.appending(path: "\(SLOFiles.rules)/slo-\(specification.service).yml")
            let expected = SLORules.file(specification, source: source).text
            #expect(
                try String(contentsOf: rules, encoding: .utf8) == expected,
                "\(rules.lastPathComponent): run contrail slo generate"
            )
        }
    }

    @Test("An objective has Sloth's recordings, meta recordings and one alert for each severity")
    func names() throws {
        let text = try rules()
        let recorded = text.split(separator: "\n").compactMap { line in
            line.firstMatch(of: /- record: (.+)/).map { String($0.1) }
        }
        #expect(
            recorded == [
                "slo:sli_total:rate5m", "slo:sli_error:rate5m",
                "slo:sli_error:ratio_rate5m", "slo:sli_error:ratio_rate30m", "slo:sli_error:ratio_rate1h",
                "slo:sli_error:ratio_rate2h", "slo:sli_error:ratio_rate6h", "slo:sli_error:ratio_rate1d",
                "slo:sli_error:ratio_rate3d", "slo:sli_error:ratio_rate30d",
                "slo:objective:ratio", "slo:error_budget:ratio", "slo:time_period:days",
                "slo:current_burn_rate:ratio", "slo:period_burn_rate:ratio",
                "slo:period_error_budget_remaining:ratio", "sloth_slo_info",
            ]
        )
        #expect(text.contains("name: sloth-slo-sli-recordings-shop-sales\n"))
        #expect(text.contains("name: sloth-slo-meta-recordings-shop-sales\n"))
        #expect(text.contains("name: sloth-slo-alerts-shop-sales\n"))
        #expect(text.matches(of: /- alert: SalesFail\n/).count == 2)
        #expect(text.contains("sloth_severity: \"page\"") && text.contains("sloth_severity: \"ticket\""))
        #expect(text.contains("sloth_id: \"shop-sales\"") && text.contains("sloth_window: \"3d\""))
    }

    @Test(
        "Budgets are exact",
        arguments: [("99.9", "0.001"), ("99", "0.01"), ("99.95", "0.0005"), ("99.999", "0.00001"), ("50", "0.5")]
    )
    func budgets(objective: String, budget: String) throws {
        let text = try rules(objective: objective)
        #expect(text.contains("vector(\(budget))"))
        for factor in ["14.4", "6", "3", "1"] { #expect(text.contains("> (\(factor) * \(budget))")) }
        #expect(text.contains("sloth_objective: \"\(objective)\""))
    }

    @Test("A long window is twelve times its short one, and few bad events alert nobody")
    func windows() throws {
        let text = try rules()
        let pairs = text.matches(
            of: /ratio_rate(\w+)\{[^}]*\} > .*\n.*\n.*ratio_rate(\w+)\{.*\n.*\n.*\[(\w+)\]\) \* 30 >= 7\)/
        )
        #expect(pairs.map { "\($0.1) \($0.2) \($0.3)" } == ["5m 1h 1h", "30m 6h 6h", "2h 1d 1d", "6h 3d 3d"])
    }

    @Test("Windows are put into queries however the placeholder is spelled")
    func placeholders() throws {
        let text = try rules(total: "sum(rate(total[{{ .window }}] offset 1m))")
        #expect(text.contains("sum(rate(total[3d] offset 1m))"))
        #expect(!text.contains("{{.window}}") && !text.contains("{{ .window }}"))
    }

    @Test("An alert may be switched off, and may have labels of its own")
    func switchedOff() throws {
        let text = try rules(more: "      page_alert: {disable: true}\n      ticket_alert: {labels: {severity: low}}\n")
        #expect(text.matches(of: /- alert:/).count == 1)
        #expect(text.contains("severity: \"low\"") && !text.contains("sloth_severity: \"page\""))
    }

    @Test("Texts with quotes, backslashes and line breaks survive")
    func quoting() throws {
        let text = try rules(more: "      page_alert:\n        annotations: {note: \"a \\\"b\\\" \\\\ c\\nd\"}\n")
        #expect(text.contains(#"note: "a \"b\" \\ c\nd""#))
    }

    private func rules(objective: String = "99.9", total: String = "sum(rate(total[{{.window}}]))", more: String = "")
        throws -> String
    {
        let specification = try SLOSpecification(
            SLOExample.text(objective: objective, total: total, more: more),
            file: "shop.yaml"
        )
        return SLORules.file(specification, source: "shop.yaml").text
    }
}

/// A specification that is right.
enum SLOExample {
    static func text(
        objective: String = "99.9",
        total: String = "sum(rate(total[{{.window}}]))",
        more: String = ""
    ) -> String {
        """
        version: prometheus/v1
        service: shop
        labels:
          team: web
        slos:
          - name: sales
            objective: \(objective)
            description: What is sold.
            sli:
              events:
                error_query: sum(rate(failed[{{.window}}]))
                total_query: \(total)
            alerting:
              name: SalesFail
              annotations:
                runbook_url: runbook.md#salesfail
                dashboard_url: http://localhost:3000/d/shop
                minimum_bad_events: "7"

        """ + more
    }
}
