internal import GRPCCore
internal import Observability

extension Attributes {
    /// What every span of a call starts with.
    mutating func setRPC(_ method: String) {
        self[SemanticConventions.rpcSystemName] = "grpc"
        self[SemanticConventions.rpcMethod] = .string(method)
    }

    /// The other end of a connection, from grpc-swift's `ipv4:127.0.0.1:50051` or `ipv6:[::1]:50051`.
    mutating func setNetworkPeer(_ peer: String) {
        let parts = peer.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[0] == "ipv4" || parts[0] == "ipv6",
            let colon = parts[1].lastIndex(of: ":"), let port = Int(parts[1][parts[1].index(after: colon)...])
        else { return }
        var address = parts[1][..<colon]
        if address.first == "[", address.last == "]" { address = address.dropFirst().dropLast() }
        self[SemanticConventions.networkPeerAddress] = .string(String(address))
        self[SemanticConventions.networkPeerPort] = .int(port)
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

    /// How much time the call has: `grpc-timeout`, up to eight digits and a unit.
    var timeout: Duration? {
        guard let text = values(of: "grpc-timeout").first, text.utf8.count <= 9, let count = Int64(text.dropLast())
        else { return nil }
        return switch text.last {
        case "H": .seconds(count * 3600)
        case "M": .seconds(count * 60)
        case "S": .seconds(count)
        case "m": .milliseconds(count)
        case "u": .microseconds(count)
        case "n": .nanoseconds(count)
        default: nil
        }
    }
}
