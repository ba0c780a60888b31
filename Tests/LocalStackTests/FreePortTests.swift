internal import Testing

@testable internal import LocalStack

@Suite("Free ports")
struct FreePortTests {
    @Test("are distinct, also between concurrent callers")
    func distinct() async throws {
        let ports = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<8 { group.addTask { try FreePort.reserve(count: 10) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(ports.count == 80)
        #expect(Set(ports).count == 80)
        #expect(ports.allSatisfy { FreePort.isFree($0) })
    }

    @Test("a port on which somebody listens is not free")
    func taken() throws {
        let port = try FreePort.reserve()
        let socket = try #require(LoopbackSocket())
        #expect(socket.bind(port: port) && socket.listen())
        #expect(!FreePort.isFree(port))
        let error = #expect(throws: LocalStackError.self) { try FreePort.requireFree(port, for: "NATS") }
        #expect(error?.code == .portInUse)
        #expect(error?.message.contains("\(port)") == true)
    }
}
