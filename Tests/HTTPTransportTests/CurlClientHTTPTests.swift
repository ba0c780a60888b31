import Testing

@testable import HTTPTransport

@Suite("HTTP client")
struct CurlClientHTTPTests {
    /// Runs a body with a client that is shut down afterwards.
    private func withClient<Value>(_ body: (CurlClient) async throws -> Value) async throws -> Value {
        let client = try CurlClient()
        let value = try await body(client)
        await client.shutdown()
        return value
    }

    private func code(_ body: () async throws -> Void) async -> CurlError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CurlError)?.code
        }
    }

    @Test("sends a method, a target, headers and a body, and returns the whole response")
    func exchange() async throws {
        let server = try ScriptedHTTPServer(
            .status(201, headers: ["X-Answer": " forty two "], body: Array("created".utf8))
        )
        let response = try await withClient { client in
            try await client.send(
                HTTPRequest(
                    "POST",
                    url: server.url + "/notes?x=1",
                    headers: ["Content-Type": "text/plain", "X-Empty": "", "Authorization": "Bearer t"],
                    body: Array("hello".utf8)
                )
            )
        }
        #expect(response.status == 201)
        #expect(response.headers["x-answer"] == "forty two")
        #expect(response.body == Array("created".utf8))
        let request = try #require(server.requests.first)
        #expect(request.method == "POST")
        #expect(request.target == "/notes?x=1")
        #expect(request.headers["content-type"] == "text/plain")
        #expect(request.headers["x-empty"] == "")
        #expect(request.headers["authorization"] == "Bearer t")
        #expect(request.headers["user-agent"] == "contrail/0.1")
        #expect(request.body == Array("hello".utf8))
    }

    @Test(
        "sends what each method means",
        arguments: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        [0, 70_000]
    )
    func methods(method: String, size: Int) async throws {
        let server = try ScriptedHTTPServer()
        let body = [UInt8](repeating: 7, count: size)
        _ = try await withClient { try await $0.send(HTTPRequest(method, url: server.url, body: body)) }
        let request = try #require(server.requests.first)
        #expect(request.method == method)
        #expect(request.body == body)
        #expect(request.headers["content-type"] == nil)
        #expect(request.headers["expect"] == nil)
    }

    @Test("returns a head without waiting for the body that it announces")
    func head() async throws {
        let server = try ScriptedHTTPServer(.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"))
        let response = try await withClient { try await $0.send(HTTPRequest("HEAD", url: server.url)) }
        #expect(response.headers["Content-Length"] == "100")
        #expect(response.body.isEmpty)
    }

    @Test("runs requests at the same time and keeps connections")
    func concurrency() async throws {
        let server = try ScriptedHTTPServer()
        try await withClient { client in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<200 {
                    group.addTask { try await client.send(HTTPRequest(url: server.url + "/\(number)")).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == [Int](repeating: 200, count: 200))
        }
        #expect(Set(server.requests.map(\.target)).count == 200)
        #expect(server.connections <= 16)
    }

    @Test("returns a redirect instead of following it, unless it is asked to")
    func redirects() async throws {
        let server = try ScriptedHTTPServer(
            .status(302, headers: ["Location": "/b"]),
            .status(302, headers: ["Location": "/c"]),
            .status(200, headers: ["X": "y"]),
            .status(302, headers: ["Location": "/e"]),
            .status(302, headers: ["Location": "/f"])
        )
        try await withClient { client in
            let redirect = try await client.send(HTTPRequest(url: server.url + "/a"))
            #expect(redirect.status == 302)
            #expect(redirect.headers["Location"] == "/b")
            let followed = try await client.send(HTTPRequest(url: server.url + "/b", maximumRedirects: 1))
            #expect(followed.status == 200)
            #expect(followed.headers["Location"] == nil)
            let tooMany = await code {
                _ = try await client.send(HTTPRequest(url: server.url + "/d", maximumRedirects: 1))
            }
            #expect(tooMany == .redirects)
        }
        #expect(server.requests.map(\.target) == ["/a", "/b", "/c", "/d", "/e"])
    }

    @Test("does not follow a redirect to another protocol")
    func redirectToFile() async throws {
        let server = try ScriptedHTTPServer(.status(302, headers: ["Location": "file:///etc/passwd"]))
        let failure = try await withClient { client in
            await code { _ = try await client.send(HTTPRequest(url: server.url, maximumRedirects: 3)) }
        }
        #expect(failure == .invalidRequest)
    }

    @Test("ends a request whose time is up")
    func timeout() async throws {
        let server = try ScriptedHTTPServer(.silence)
        let start = ContinuousClock.now
        let failure = try await withClient { client in
            await code { _ = try await client.send(HTTPRequest(url: server.url, timeout: .milliseconds(200))) }
        }
        #expect(failure == .timeout)
        #expect(.now - start >= .milliseconds(190))
        #expect(server.requests.count == 1)
    }

    @Test("refuses a response that is too long, without reading it all")
    func tooLarge() async throws {
        let server = try ScriptedHTTPServer(
            .status(200, body: [UInt8](repeating: 0, count: 1000)),
            .raw("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 70_000))\r\nContent-Length: 0\r\n\r\n")
        )
        try await withClient { client in
            for _ in 0..<2 {
                let failure = await code {
                    _ = try await client.send(HTTPRequest(url: server.url, maximumResponseBytes: 999))
                }
                #expect(failure == .tooLarge)
            }
        }
    }

    @Test("tells a refused connection from a lost one")
    func connectionFailures() async throws {
        let server = try ScriptedHTTPServer(.hangUp, .raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx"))
        let gone = try LoopbackServer { _ in }
        gone.stop()
        try await withClient { client in
            #expect(await code { _ = try await client.send(HTTPRequest(url: server.url)) } == .connectionLost)
            #expect(await code { _ = try await client.send(HTTPRequest(url: server.url)) } == .connectionLost)
            let refused = await code { _ = try await client.send(HTTPRequest(url: "http://127.0.0.1:\(gone.port)/")) }
            #expect(refused == .connect)
        }
    }

    @Test("does not trust a server that has no certificate to show")
    func tls() async throws {
        let server = try LoopbackServer { $0.write("this is not TLS\r\n") }
        defer { server.stop() }
        let failure = try await withClient { client in
            await code { _ = try await client.send(HTTPRequest(url: "https://127.0.0.1:\(server.port)/")) }
        }
        #expect(failure == .tls)
    }

    @Test("refuses requests that would mean something else on the wire")
    func validation() async throws {
        let server = try ScriptedHTTPServer()
        let requests = [
            HTTPRequest("GE T", url: server.url), HTTPRequest("", url: server.url),
            HTTPRequest(url: "file:///etc/passwd"), HTTPRequest(url: "smtp://localhost"), HTTPRequest(url: "localhost"),
            HTTPRequest(url: ""), HTTPRequest(url: "http://user:secret@localhost/"),
            HTTPRequest(url: server.url + "/\r\nInjected: 1"),
            HTTPRequest(url: server.url, headers: ["X": "1\r\nInjected: 1"]),
            HTTPRequest(url: server.url, headers: ["X: 1\r\nInjected": "1"]),
            HTTPRequest(url: server.url, headers: ["Content-Length": "1"]),
            HTTPRequest(url: server.url, timeout: .zero), HTTPRequest(url: server.url, maximumRedirects: -1),
        ]
        try await withClient { client in
            for request in requests {
                do {
                    _ = try await client.send(request)
                    Issue.record("\(request) was sent")
                } catch {
                    let error = try #require(error as? CurlError)
                    #expect(error.code == .invalidRequest)
                    #expect(!error.description.contains("secret"))
                }
            }
        }
        #expect(server.connections == 0)
    }

    @Test("ends the transfer of a cancelled task at once")
    func cancellation() async throws {
        let server = try ScriptedHTTPServer(.silence)
        try await withClient { client in
            let task = Task { try await client.send(HTTPRequest(url: server.url, timeout: .seconds(60))) }
            #expect(await server.waitForRequests(1))
            let start = ContinuousClock.now
            task.cancel()
            #expect(await code { _ = try await task.value } == .cancelled)
            #expect(.now - start < .seconds(20))
        }
    }

    @Test("answers every request once while tasks are cancelled at any moment", arguments: 0..<5)
    func cancellationRace(round: Int) async throws {
        let server = try ScriptedHTTPServer()
        try await withClient { client in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let task = Task { try await client.send(HTTPRequest(url: server.url, timeout: .seconds(20))) }
                        for _ in 0..<(number * round) { await Task.yield() }
                        task.cancel()
                        switch await task.result {
                        case .success(let response): #expect(response.status == 200)
                        case .failure(let error): #expect((error as? CurlError)?.code == .cancelled)
                        }
                    }
                }
            }
            let last = try await client.send(HTTPRequest(url: server.url))
            #expect(last.status == 200)
        }
    }

    @Test("finishes running requests when it is shut down, and refuses new ones")
    func gracefulShutdown() async throws {
        let server = try ScriptedHTTPServer(.silence)
        let client = try CurlClient()
        let running = Task { try await client.send(HTTPRequest(url: server.url, timeout: .milliseconds(300))) }
        #expect(await server.waitForRequests(1))
        await client.shutdown()
        #expect(await code { _ = try await running.value } == .timeout)
        #expect(await code { _ = try await client.send(HTTPRequest(url: server.url)) } == .shutdown)
        await client.shutdown()
    }

    @Test("ends running requests when the shutdown is cancelled")
    func abruptShutdown() async throws {
        let server = try ScriptedHTTPServer(.silence)
        let client = try CurlClient()
        let running = Task { try await client.send(HTTPRequest(url: server.url, timeout: .seconds(60))) }
        #expect(await server.waitForRequests(1))
        let start = ContinuousClock.now
        let shutdown = Task { await client.shutdown() }
        shutdown.cancel()
        await shutdown.value
        #expect(await code { _ = try await running.value } == .shutdown)
        #expect(.now - start < .seconds(20))
    }

    @Test("leaves no thread behind when it is forgotten")
    func release() async throws {
        let server = try ScriptedHTTPServer()
        weak var engine: AnyObject?
        do {
            let client = try CurlClient()
            engine = Mirror(reflecting: client).descendant("engine") as AnyObject?
            #expect(engine != nil)
            #expect(try await client.send(HTTPRequest(url: server.url)).status == 200)
        }
        // The thread holds the engine, so the engine is gone when the thread is.
        let deadline = ContinuousClock.now + .seconds(5)
        while engine != nil, .now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        #expect(engine == nil)
    }
}
