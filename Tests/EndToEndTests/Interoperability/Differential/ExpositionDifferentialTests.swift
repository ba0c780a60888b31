import Observability
import TestKit
import Testing

extension Differential {
    /// Against the text parser and the OpenMetrics parser of `prometheus_client`.
    @Suite("Expositions are to prometheus_client what the registry holds")
    struct ExpositionTests {
        /// Where the parsers deviate from the formats.
        enum Deviation: CaseIterable {
            /// "Text format details": the rest of a `HELP` line is the text. The text parser strips its white space.
            case strippedHelp
            /// "ABNF": `HELP`, metric name, one space, text. The OpenMetrics parser strips spaces before the text.
            case strippedLeadingSpaces
        }

        struct Case: Encodable {
            var text: String
            var openMetrics: String
        }

        struct Answer: Decodable {
            struct Exposition: Decodable {
                var error: String?
                var families: [Family]?
            }

            struct Family: Decodable {
                var name: String
                var type: String
                var help: String
                var unit: String
                var samples: [Sample]
            }

            struct Sample: Decodable {
                var name: String
                var labels: [String: String]
                var value: String
                var timestamp: String?
                var exemplar: Exemplar?
            }

            struct Exemplar: Decodable {
                var labels: [String: String]
                var value: String
                var nanoseconds: UInt64
            }

            var text: Exposition
            var openMetrics: Exposition
        }

        @Test("10,000 registries, rendered as text 0.0.4 and as OpenMetrics, are parsed as what was put in")
        func agree() async throws {
            var generator = SeededGenerator(seed: 0x0B5E_55ED)
            var cases: [Case] = []
            var expected: [(text: [MetricsModel.Family], openMetrics: [MetricsModel.Family])] = []
            for _ in 0..<Differential.cases {
                let model = MetricsModel.make(&generator)
                let registry = model.register()
                cases.append(
                    Case(
                        text: String(decoding: PrometheusText.render(registry), as: UTF8.self),
                        openMetrics: String(decoding: OpenMetricsText.render(registry), as: UTF8.self)
                    )
                )
                expected.append((model.families(isOpenMetrics: false), model.families(isOpenMetrics: true)))
            }
            let answers = try await Differential.answers("expositions.py", to: cases, as: Answer.self)
            var seen: [Deviation: Int] = [:]
            var differences: [String] = []
            var exemplars = 0
            for ((one, answer), families) in zip(zip(cases, answers), expected) {
                exemplars += families.openMetrics.flatMap(\.series.values).joined().count { $0.exemplar != nil }
                for (exposition, parsed, families, deviation) in [
                    (one.openMetrics, answer.openMetrics, families.openMetrics, Deviation.strippedLeadingSpaces),
                    (one.text, answer.text, families.text, .strippedHelp),
                ] {
                    let predicted = Self.prediction(families, deviation, &seen)
                    let read = parsed.families.map { $0.map(MetricsModel.Family.init) }
                    if read == predicted { continue }
                    let answer = parsed.error ?? "\(read ?? [])"
                    differences.append("\(exposition)is read as\n\(answer)\nand not as\n\(predicted)")
                }
            }
            Differential.expectNone(differences)
            Differential.expectAll(seen)
            #expect(exemplars > Differential.cases / 4, "there are many exemplars")
        }

        /// What will be read: what was put in, but for what a parser does to help texts.
        private static func prediction(
            _ families: [MetricsModel.Family],
            _ deviation: Deviation,
            _ seen: inout [Deviation: Int]
        ) -> [MetricsModel.Family] {
            families.map { family in
                var family = family
                let stripped = Self.stripped(family.help.text, deviation)
                if stripped != family.help { seen[deviation, default: 0] += 1 }
                family.help = stripped
                return family
            }
        }

        private static func stripped(_ text: String, _ deviation: Deviation) -> MetricsModel.Exact {
            // Newlines are escaped when it strips.
            let isBlank: (Unicode.Scalar) -> Bool = { scalar in
                scalar != "\n" && (scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value))
            }
            var scalars = text.unicodeScalars[...]
            switch deviation {
            case .strippedHelp:
                while let last = scalars.last, isBlank(last) { scalars.removeLast() }
                while let first = scalars.first, first.isASCII, isBlank(first), first.value < 0x1C || first == " " {
                    scalars.removeFirst()
                }
            case .strippedLeadingSpaces:
                while scalars.first == " " { scalars.removeFirst() }
            }
            return MetricsModel.Exact(String(scalars))
        }
    }
}

extension MetricsModel.Family {
    init(_ family: Differential.ExpositionTests.Answer.Family) {
        self.init(
            name: family.name,
            type: family.type,
            help: MetricsModel.Exact(family.help),
            unit: family.unit,
            samples: family.samples.map(MetricsModel.Sample.init)
        )
    }
}

extension MetricsModel.Sample {
    init(_ sample: Differential.ExpositionTests.Answer.Sample) {
        self.init(
            name: sample.name,
            labels: sample.labels.mapValues(MetricsModel.Exact.init),
            value: MetricsModel.Number(text: sample.value),
            exemplar: sample.exemplar.map { exemplar in
                MetricsModel.Exemplar(
                    labels: exemplar.labels,
                    value: MetricsModel.Number(text: exemplar.value),
                    nanoseconds: exemplar.nanoseconds
                )
            }
        )
        // We write none, for scrapes are of now.
        if let timestamp = sample.timestamp { name += " at \(timestamp)" }
    }
}
