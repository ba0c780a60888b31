internal import Foundation
internal import Logging
internal import Testing
internal import TraceBackend

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// The answer to a request.
struct HTTPAnswer {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// One request over a real connection.
func send(
    _ method: String,
    port: Int,
    _ path: String,
    headers: [String: String] = [:],
    body: [UInt8]? = nil
) async throws -> HTTPAnswer {
    let url = try #require(URL(string: "http://127.0.0.1:\(port)\(path)"))
    var request = URLRequest(url: url, timeoutInterval: 30)
    request.httpMethod = method
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    request.httpBody = body.map { Data($0) }
    let (data, response) = try await URLSession.shared.data(for: request)
    let answer = try #require(response as? HTTPURLResponse)
    var fields: [String: String] = [:]
    for (name, value) in answer.allHeaderFields { fields["\(name)".lowercased()] = "\(value)" }
    return HTTPAnswer(status: answer.statusCode, headers: fields, body: Array(data))
}

/// Runs a receiver and a query server over one store, on free ports, for the time of the body.
func withBackend(
    store: TraceStore = TraceStore(),
    bodyLimit: Int = OTLPReceiver.defaultBodyLimit,
    _ body: (_ store: TraceStore, _ otlp: Int, _ query: Int) async throws -> Void
) async throws {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let receiver = OTLPReceiver(store: store, port: 0, bodyLimit: bodyLimit, logger: logger)
    let query = TraceQueryServer(store: store, port: 0, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await receiver.run() }
        group.addTask { try await query.run() }
        try await body(store, receiver.port, query.port)
        group.cancelAll()
        // Both runs end without an error when they are cancelled.
        try await group.waitForAll()
    }
}
