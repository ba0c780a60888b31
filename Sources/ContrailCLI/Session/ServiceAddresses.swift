internal import ArgumentParser
internal import ContrailInstrumentation
internal import Foundation

/// Where the services are: the local stack, unless the environment or an option says otherwise.
struct ServiceAddresses: ParsableArguments {
    @Option(help: ArgumentHelp("The users service. Environment: CONTRAIL_USERS_TARGET.", valueName: "host:port"))
    var usersTarget: String?

    @Option(help: ArgumentHelp("The orders service. Environment: CONTRAIL_ORDERS_TARGET.", valueName: "host:port"))
    var ordersTarget: String?

    @Option(
        help: ArgumentHelp(
            "The notifications service. Environment: CONTRAIL_NOTIFICATIONS_TARGET.",
            valueName: "host:port"
        )
    )
    var notificationsTarget: String?

    func validate() throws {
        for text in [usersTarget, ordersTarget, notificationsTarget].compactMap({ $0 })
        where NetworkAddress(text) == nil {
            throw ValidationError("“\(text)” is no address; write host:port")
        }
    }

    func users() throws -> NetworkAddress { try address(usersTarget, "CONTRAIL_USERS_TARGET", 50051) }
    func orders() throws -> NetworkAddress { try address(ordersTarget, "CONTRAIL_ORDERS_TARGET", 50052) }
    func notifications() throws -> NetworkAddress {
        try address(notificationsTarget, "CONTRAIL_NOTIFICATIONS_TARGET", 50053)
    }

    private func address(_ option: String?, _ variable: String, _ port: Int) throws -> NetworkAddress {
        let environment = ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
        guard let text = option ?? environment else { return NetworkAddress(host: "127.0.0.1", port: port) }
        guard let address = NetworkAddress(text) else {
            throw Failure.refused("\(variable)=\(text) is no address; write host:port")
        }
        return address
    }
}

/// Options of commands that print a result.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON, for scripts.")
    var json = false
}
