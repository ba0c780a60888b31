import Testing

@testable import ServiceRuntime

@Suite("What a service is asked to do")
struct ServiceCommandTests {
    @Test(
        "One argument, or none, says it",
        arguments: [
            ([], ServiceCommand.serve), (["migrate"], .migrate), (["healthcheck"], .healthcheck), (["--help"], .help),
            (["-h"], .help), (["--version"], .version),
        ]
    )
    func known(_ arguments: [String], _ expected: ServiceCommand) throws {
        #expect(try ServiceCommand(arguments) == expected)
    }

    @Test(
        "Anything else is refused by its name",
        arguments: [(["serve"], "serve"), (["--fast"], "--fast"), (["migrate", "now"], "now"), ([""], "")]
    )
    func unknown(_ arguments: [String], _ named: String) {
        let error = #expect(throws: UnknownArgument.self) { try ServiceCommand(arguments) }
        #expect(error?.description.contains("“\(named)”") == true)
    }
}
