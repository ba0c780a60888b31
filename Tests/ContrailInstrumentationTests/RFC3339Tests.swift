import Testing

@testable import ContrailInstrumentation

@Suite("Times of events")
struct RFC3339Tests {
    @Test("A time survives its text form to the nanosecond", arguments: [0, 1, 1_700_000_000_123_456_789, 999_999_999])
    func roundTrip(nanoseconds: UInt64) {
        #expect(RFC3339.parse(RFC3339.format(nanoseconds: nanoseconds)) == nanoseconds)
    }

    @Test("Fractions of any length and other offsets are read")
    func forms() {
        #expect(RFC3339.parse("2023-11-14T22:13:20Z") == 1_700_000_000_000_000_000)
        #expect(RFC3339.parse("2023-11-14T22:13:20.5Z") == 1_700_000_000_500_000_000)
        #expect(RFC3339.parse("2023-11-14T22:13:20.1234567891234Z") == 1_700_000_000_123_456_789)
        #expect(RFC3339.parse("2023-11-14T23:13:20.5+01:00") == 1_700_000_000_500_000_000)
    }

    @Test(
        "What is no time, or none that 64 bits can hold, is refused",
        arguments: ["", "soon", "1969-12-31T23:59:59Z", "2555-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2023-11-14"]
    )
    func refused(text: String) {
        #expect(RFC3339.parse(text) == nil)
    }
}
