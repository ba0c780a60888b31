import GRPCCore

/// A service of strings with one method of each shape, made by hand: no schema is needed to test interceptors.
struct EchoService: RegistrableRPCService {
    static let unary = MethodDescriptor(fullyQualifiedService: "test.Echo", method: "Unary")
    static let stream = MethodDescriptor(fullyQualifiedService: "test.Echo", method: "Stream")
    static let health = MethodDescriptor(fullyQualifiedService: "grpc.health.v1.Health", method: "Check")

    /// Runs while a call is handled.
    let onCall: @Sendable () async throws -> Void
    /// Runs while the answer is produced, after the handler has returned.
    var onAnswer: @Sendable () async throws -> Void = {}

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for method in [Self.unary, Self.stream, Self.health] {
            router.registerHandler(
                forMethod: method,
                deserializer: StringCoder(),
                serializer: StringCoder()
            ) { request, _ in
                try await onCall()
                return StreamingServerResponse { writer in
                    try await onAnswer()
                    for try await message in request.messages {
                        if message == "fail" { throw RPCError(code: .dataLoss, message: "asked to fail") }
                        if message == "missing" { throw RPCError(code: .notFound, message: "asked for nothing") }
                        try await writer.write(message)
                    }
                    return [:]
                }
            }
        }
    }
}

struct StringCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes {
        Bytes(Array(message.utf8))
    }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
        bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
