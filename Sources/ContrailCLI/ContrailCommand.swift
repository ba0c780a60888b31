public import ArgumentParser
internal import ServiceRuntime

/// The `contrail` command.
public struct ContrailCommand: AsyncParsableCommand {
    /// What `--help` says.
    public static let configuration = CommandConfiguration(
        commandName: "contrail",
        abstract: "Runs Contrail's local stack, and asks it what happened to an order.",
        discussion: """
            Start the stack with “contrail up” and leave it running; then, in another terminal:

              contrail user create ada@example.com
              contrail order create --user USER_ID --item book:2:12.50
              contrail trace TRACE_ID

            “contrail demo” does all of that by itself.

            Exit codes: 0 done, 1 refused or incomplete, 64 wrong usage, 69 a service is not reachable.
            """,
        version: BuildInfo.version,
        subcommands: [
            UpCommand.self, DemoCommand.self, UserCommand.self, OrderCommand.self, NotificationsCommand.self,
            ExplainCommand.self, DeadLettersCommand.self,
            TraceCommand.self, AlertEnricherCommand.self, SignalsCommand.self, SLOCommand.self, CleanDataCommand.self,
        ]
    )

    /// Creates the command.
    public init() {}
}
