import ContrailCLI
import Foundation
import Observability
import Testing

@Suite("The catalogue of signals")
struct SignalCatalogueTests {
    /// The root of the clone.
    private static let clone = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: clone.appending(path: path), encoding: .utf8)
    }

    @Test("The committed files are what the code declares")
    func committedFiles() async throws {
        let catalogue = try await SignalCatalogue.make()
        let isCurrent =
            try Self.text("observability/signals.md") == catalogue.markdown()
            && Self.text("observability/signals.json") == catalogue.json()
        #expect(isCurrent, "the signals have changed: run make signals, read the difference, and commit it")
    }

    @Test("Every name of the conventions says what it means, once")
    func conventions() throws {
        let source =
            try Self.text("Sources/Observability/Conventions/SemanticConventions.swift")
            + Self.text("Sources/Observability/Resource/SemanticConventions+Resource.swift")
        let constants = source.matches(of: /static let (\w+) = "([^"]+)"/)
            .filter { $0.1 != "schemaURL" }.map { String($0.2) }
        try #require(constants.count > 40)
        let declared = SemanticConventions.declarations.map(\.key)
        #expect(constants.sorted() == declared.sorted())
        #expect(Set(declared).count == declared.count)
        for declaration in SemanticConventions.declarations {
            #expect(declaration.meaning.hasSuffix("."), "\(declaration.key)")
        }
    }

    @Test("The log lines of the catalogue are those of the sources")
    func logLines() async throws {
        let targets = [
            "ContrailInstrumentation", "HTTPTransport", "JetStream", "Notifications", "OTLPExporter", "Observability",
            "Orders", "Postgres", "PostgresEventStore", "Resilience", "ServiceRuntime", "Users",
        ]
        let statement = /[lL]og(?:ger)?\.(trace|debug|info|notice|warning|error|critical)\(\s*"((?:[^"\\]|\\.)*)"/
        let anyStatement = /[lL]og(?:ger)?\.(?:trace|debug|info|notice|warning|error|critical|log)\(/
        var written: Set<String> = []
        for target in targets {
            let folder = Self.clone.appending(path: "Sources/\(target)")
            let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            for case let file as URL in try #require(files) where file.pathExtension == "swift" {
                let source = try String(contentsOf: file, encoding: .utf8)
                let found = source.matches(of: statement)
                // A message that is no literal could not be found in the catalogue, nor by anybody who searches a log.
                #expect(found.count == source.matches(of: anyStatement).count, "\(file.path)")
                for line in found {
                    #expect(!line.2.contains("\\("), "a message never varies: \(line.2)")
                    written.insert("\(line.1) \(line.2)")
                }
            }
        }
        let catalogue = try await SignalCatalogue.make()
        let declared = catalogue.logs.map { "\($0.level) \($0.message)" }
        #expect(written.subtracting(declared) == [], "not in LogDeclaration.all")
        #expect(Set(declared).subtracting(written) == [], "nobody logs it")
        #expect(Set(declared).count == declared.count)
    }

    @Test("Names and attributes of the catalogue are well formed, and what is rare is there")
    func consistency() async throws {
        let catalogue = try await SignalCatalogue.make()
        #expect(catalogue.services == ["users", "orders", "notifications"])
        for span in catalogue.spans {
            let keys = span.attributes.map(\.key)
            #expect(Set(keys).count == keys.count, "\(span.name)")
            // The attribute that a name is made of is one that the span always has.
            if let detail = span.name.firstMatch(of: /\{(.*)\}/) {
                #expect(span.attributes.contains { $0.key == detail.1 && $0.when == nil }, "\(span.name)")
            }
        }
        for metric in catalogue.metrics {
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
            #expect((metric.type == "histogram") == (metric.buckets != nil))
        }
        let seen =
            catalogue.metrics.compactMap(\.seen) + catalogue.spans.compactMap(\.seen)
            + catalogue.spans.flatMap { $0.attributes.compactMap(\.seen) + $0.links.compactMap(\.seen) }
            + catalogue.events.compactMap(\.seen) + catalogue.logs.compactMap(\.seen)
        #expect(seen.count == SignalCatalogue.rareSignals.count, "RareSignal names a signal that is not there")
    }
}
