internal import GRPCCore
internal import Observability
internal import Tracing

/// Answers a request with its own bytes. With a tracer, the handler makes seven spans, so that a request has eight.
struct EchoService: RegistrableRPCService {
    let tracer: OTelTracer?

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: MethodDescriptor(fullyQualifiedService: "bench.Echo", method: "Unary"),
            deserializer: BytesCoder(),
            serializer: BytesCoder()
        ) { request, _ in
            let request = try await ServerRequest(stream: request)
            if let tracer {
                for _ in 0..<7 { await step(tracer) }
            }
            return StreamingServerResponse(single: ServerResponse(message: request.message))
        }
    }

    private func step(_ tracer: OTelTracer) async {
        await tracer.withSpan("orders.step", kind: .client) { attributes in
            attributes["db.system.name"] = "postgresql"
            attributes["db.operation.name"] = "SELECT"
            attributes["db.response.rows"] = 1
        } _: { _ in
            await nothing()
        }
    }

    @inline(never)
    private func nothing() async {}
}

private struct BytesCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes {
        Bytes(message)
    }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes(Array.init)
    }
}
