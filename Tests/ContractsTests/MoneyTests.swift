import Contracts
import Testing

@Suite("Amounts")
struct MoneyTests {
    @Test(
        "An amount is written with the currency's decimals",
        arguments: [
            (4990, "EUR", "49.90 EUR"), (5, "EUR", "0.05 EUR"), (-5, "EUR", "-0.05 EUR"), (-4990, "EUR", "-49.90 EUR"),
            (500, "JPY", "500 JPY"), (1500, "KWD", "1.500 KWD"), (0, "EUR", "0.00 EUR"),
            (Int64.max, "EUR", "92233720368547758.07 EUR"), (Int64.min, "EUR", "-92233720368547758.08 EUR"),
        ] as [(Int64, String, String)]
    )
    func text(amount: Int64, currency: String, expected: String) {
        #expect(Money.text(amount, currency: currency) == expected)
    }

    @Test(
        "An amount is read back",
        arguments: [
            ("49.90", "EUR", 4990), ("49.9", "EUR", 4990), ("49", "EUR", 4900), ("-0.05", "EUR", -5),
            ("500", "JPY", 500), ("1.5", "KWD", 1500),
        ] as [(String, String, Int64)]
    )
    func minorUnits(text: String, currency: String, expected: Int64) {
        #expect(Money.minorUnits(text, currency: currency) == expected)
    }

    @Test(
        "What is no amount is refused",
        arguments: ["", "x", "1.", "1.234", "1.2.3", "1,50", "1.-5", "99999999999999999999"]
    )
    func malformed(text: String) {
        #expect(Money.minorUnits(text, currency: "EUR") == nil)
    }

    @Test("Every event has one entry in the catalogue, in a stream that keeps its subject")
    func catalogue() {
        let types = EventCatalogue.all.map(\.type)
        #expect(Set(types).count == types.count)
        for event in EventCatalogue.all {
            #expect(event.stream.subjects.contains(event.type))
        }
        let kept = EventStreamName.allCases.filter { $0 != .deadLetters }.flatMap(\.subjects)
        #expect(Set(kept) == Set(types))
    }
}
