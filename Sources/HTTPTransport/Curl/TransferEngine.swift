internal import CCurl
private import Foundation
internal import Synchronization

/// The client's thread and the queue through which it learns what to do.
///
/// The thread keeps the engine alive, not the client: a client that was forgotten stops its thread when it is released.
final class TransferEngine: Sendable {
    typealias Completion = CheckedContinuation<Result<TransferResult, CurlError>, Never>

    /// How the thread is to end.
    enum Stop: Comparable {
        /// When no transfer is left.
        case whenIdle
        /// Now; transfers fail.
        case now
    }

    private enum Command {
        case start(UInt64, TransferRequest, Completion)
        case cancel(UInt64)
    }

    private struct State {
        var commands: [Command] = []
        var nextID: UInt64 = 0
        var stop: Stop?
        var hasEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let multi: CurlMulti

    init(_ configuration: CurlClient.Configuration) throws(CurlError) {
        multi = try CurlMulti(configuration)
    }

    func start() {
        let thread = Thread { [self] in work() }
        thread.name = "curl-client"
        thread.start()
    }

    /// Runs a transfer on the thread; cancellation ends it.
    func run(_ request: TransferRequest) async throws(CurlError) -> TransferResult {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (completion: Completion) in
                let refusal = state.withLock { state -> CurlError? in
                    if state.stop != nil { return .shutdown }
                    // The handler below may have run already; its command would come before ours and be ignored.
                    if Task.isCancelled { return .cancelled }
                    state.commands.append(.start(id, request, completion))
                    return nil
                }
                if let refusal { completion.resume(returning: .failure(refusal)) } else { multi.wakeUp() }
            }
        } onCancel: {
            state.withLock { $0.commands.append(.cancel(id)) }
            multi.wakeUp()
        }
        return try result.get()
    }

    /// Asks the thread to end; a stronger wish replaces a weaker one.
    func stop(_ stop: Stop) {
        state.withLock { $0.stop = max($0.stop ?? stop, stop) }
        multi.wakeUp()
    }

    /// Waits until the thread has ended; cancellation makes it end at once.
    func shutdown() async {
        stop(.whenIdle)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasEnded = state.withLock { state in
                    if !state.hasEnded { state.waiters.append(continuation) }
                    return state.hasEnded
                }
                if hasEnded { continuation.resume() }
            }
        } onCancel: {
            stop(.now)
        }
    }

    // MARK: The thread

    /// A transfer and who waits for it.
    private struct Running {
        let id: UInt64
        let easy: CurlEasy
        let completion: Completion
    }

    private func work() {
        // By handle, because that is what libcurl names when a transfer ends.
        var running: [UnsafeMutableRawPointer: Running] = [:]
        while true {
            let (commands, stop) = state.withLock { state in
                defer { state.commands.removeAll(keepingCapacity: true) }
                return (state.commands, state.stop)
            }
            for command in commands { execute(command, &running) }
            if stop == .now {
                for transfer in running.values { finish(transfer, .failure(.shutdown)) }
                running.removeAll()
            }
            if stop != nil, running.isEmpty { break }
            multi.perform { handle, code in
                guard let transfer = running.removeValue(forKey: handle) else { return }
                finish(transfer, transfer.easy.result(code))
            }
            // What ended may have been the last one, so the loop has to look again before it waits.
            if stop == nil || !running.isEmpty { multi.wait() }
        }
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func execute(_ command: Command, _ running: inout [UnsafeMutableRawPointer: Running]) {
        switch command {
        case .start(let id, let request, let completion):
            guard let easy = CurlEasy(request), multi.add(easy) else {
                completion.resume(returning: .failure(CurlError(.unavailable, "libcurl refuses the transfer")))
                return
            }
            running[easy.handle] = Running(id: id, easy: easy, completion: completion)
        case .cancel(let id):
            guard let transfer = running.values.first(where: { $0.id == id }) else { return }
            running[transfer.easy.handle] = nil
            finish(transfer, .failure(.cancelled))
        }
    }

    /// The only place that resumes a started transfer's continuation; its caller has removed it from the table.
    private func finish(_ transfer: Running, _ result: Result<TransferResult, CurlError>) {
        multi.remove(transfer.easy)
        transfer.completion.resume(returning: result)
    }
}

extension CurlError {
    fileprivate static let cancelled = CurlError(.cancelled, "the task was cancelled")
    fileprivate static let shutdown = CurlError(.shutdown, "the client was shut down")
}
