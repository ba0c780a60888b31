internal import ArgumentParser
internal import Contracts
internal import SwiftProtobuf

/// `contrail user`
struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user",
        abstract: "Registers and shows customers.",
        subcommands: [Create.self, Get.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Registers a customer and prints the new user.")

        @Argument(help: "The customer's e-mail address.")
        var email: String

        @Option(help: "The customer's name; the part of the address before “@” by default.")
        var name = ""

        @Option(help: "Makes a repeated call harmless: the same key answers with the same user.")
        var idempotencyKey = ""

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                let session = Session()
                let target = try addresses.users()
                try await session.run("contrail user create") { traceID in
                    let user = try await session.withUsers(at: target) { users in
                        try await users.createUser(
                            .with {
                                $0.email = email
                                $0.displayName = name
                                $0.idempotencyKey = idempotencyKey
                            }
                        ).user
                    }
                    try console.show(user, traceID: traceID, json: output.json)
                }
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a customer.")

        @Argument(help: "The user's id.")
        var id: String

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                let session = Session()
                let target = try addresses.users()
                try await session.run("contrail user get") { traceID in
                    let user = try await session.withUsers(at: target) { users in
                        try await users.getUser(.with { $0.id = id }).user
                    }
                    try console.show(user, traceID: traceID, json: output.json)
                }
            }
        }
    }
}

extension Console {
    fileprivate func show(_ user: Contrail_Users_V1_User, traceID: String, json: Bool) throws {
        if json { return print(try user.jsonString(traceID: traceID)) }
        print(
            table(
                [
                    ["user", bold(user.id)],
                    ["e-mail", user.email],
                    ["name", user.displayName],
                    ["status", user.status == .active ? "active" : "blocked"],
                    ["trace", traceID],
                ],
                indent: 0
            )
        )
    }
}
