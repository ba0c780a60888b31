internal import GRPCCore
internal import Observability

extension Attributes {
    /// What every span of a call starts with.
    static func rpc(_ method: MethodDescriptor) -> Attributes {
        [
            SemanticConventions.rpcSystemName: "grpc",
            SemanticConventions.rpcMethod: .string(method.fullyQualifiedMethod),
        ]
    }

    /// The other end of a connection, from grpc-swift's `ipv4:127.0.0.1:50051` or `ipv6:[::1]:50051`.
    static func networkPeer(_ peer: String) -> Attributes {
        let parts = peer.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[0] == "ipv4" || parts[0] == "ipv6",
            let colon = parts[1].lastIndex(of: ":"), let port = Int(parts[1][parts[1].index(after: colon)...])
        else { return [:] }
        let address = parts[1][..<colon].filter { $0 != "[" && $0 != "]" }
        return [
            SemanticConventions.networkPeerAddress: .string(address),
            SemanticConventions.networkPeerPort: .int(port),
        ]
    }
}

extension MethodDescriptor {
    /// Whether calls make spans: probes would bury the traces that people look for.
    var isTraced: Bool {
        !service.fullyQualifiedService.hasPrefix("grpc.health.")
            && !service.fullyQualifiedService.hasPrefix("grpc.reflection.")
    }
}

extension Metadata {
    /// All text values of a key, in order.
    func values(of key: String) -> [String] {
        Array(self[stringValues: key])
    }

    /// When the call's time is up, counted from now: `grpc-timeout`, up to eight digits and a unit.
    var deadline: ContinuousClock.Instant? {
        guard let text = self[stringValues: "grpc-timeout"].first(where: { _ in true }), text.utf8.count <= 9,
            let count = Int64(text.dropLast())
        else { return nil }
        let timeout: Duration
        switch text.last {
        case "H": timeout = .seconds(count * 3600)
        case "M": timeout = .seconds(count * 60)
        case "S": timeout = .seconds(count)
        case "m": timeout = .milliseconds(count)
        case "u": timeout = .microseconds(count)
        case "n": timeout = .nanoseconds(count)
        default: return nil
        }
        return .now + timeout
    }
}
