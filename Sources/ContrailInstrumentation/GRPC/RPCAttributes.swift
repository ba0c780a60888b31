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
        // By bytes and slices: every call comes through here, and splitting would allocate.
        let bytes = peer.utf8
        guard peer.hasPrefix("ipv4:") || peer.hasPrefix("ipv6:"),
            let last = bytes.lastIndex(of: UInt8(ascii: ":")),
            let port = Int(peer[bytes.index(after: last)...])
        else { return }
        var address = peer[bytes.index(bytes.startIndex, offsetBy: 5)..<last]
        if address.utf8.first == UInt8(ascii: "["), address.utf8.last == UInt8(ascii: "]") {
            address = address.dropFirst().dropLast()
        }
        guard !address.isEmpty else { return }
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
