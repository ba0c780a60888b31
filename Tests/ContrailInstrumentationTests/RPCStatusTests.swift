import GRPCCore
import Testing

@testable import ContrailInstrumentation

@Suite("Statuses of gRPC calls")
struct RPCStatusTests {
    /// The codes in the order of their numbers, with the names of gRPC's specification, and whether they are an error of
    /// the server's span by OpenTelemetry's conventions for gRPC.
    private static let codes: [(code: RPCError.Code, name: String, isServerFault: Bool)] = [
        (.cancelled, "CANCELLED", false), (.unknown, "UNKNOWN", true), (.invalidArgument, "INVALID_ARGUMENT", false),
        (.deadlineExceeded, "DEADLINE_EXCEEDED", true), (.notFound, "NOT_FOUND", false),
        (.alreadyExists, "ALREADY_EXISTS", false), (.permissionDenied, "PERMISSION_DENIED", false),
        (.resourceExhausted, "RESOURCE_EXHAUSTED", false), (.failedPrecondition, "FAILED_PRECONDITION", false),
        (.aborted, "ABORTED", false), (.outOfRange, "OUT_OF_RANGE", false), (.unimplemented, "UNIMPLEMENTED", true),
        (.internalError, "INTERNAL", true), (.unavailable, "UNAVAILABLE", true), (.dataLoss, "DATA_LOSS", true),
        (.unauthenticated, "UNAUTHENTICATED", false),
    ]

    @Test("Each code has its name, and six of them are a server's fault")
    func serverFaults() {
        for (index, entry) in Self.codes.enumerated() {
            #expect(entry.code.rawValue == index + 1)
            #expect(entry.code.statusName == entry.name)
            let outcome: RPCError.Code? = entry.code
            #expect(outcome.isServerFault == entry.isServerFault, "\(entry.name)")
        }
        let success: RPCError.Code? = nil
        #expect(!success.isServerFault)
    }
}
