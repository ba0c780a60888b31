internal import Dispatch
internal import Foundation

/// Turns Ctrl-C and SIGTERM into the cancellation of a task, so that scopes can clean up.
enum Interruption {
    /// Runs a body until it ends or the process is interrupted.
    ///
    /// - Returns: Whether it was interrupted.
    /// - Throws: What the body throws, unless it was interrupted.
    @discardableResult
    static func run(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let sources = [SIGINT, SIGTERM].map { number in
            // The default action would end the process before anything could be stopped.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
        }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return false
            }
            group.addTask {
                for await _ in signals { return true }
                return false
            }
            let isInterrupted = try await group.next() ?? false
            group.cancelAll()
            do {
                while try await group.next() != nil {}
            } catch  where isInterrupted && (error is CancellationError || Task.isCancelled) {
                // The body was told to stop, and it did.
            }
            return isInterrupted
        }
    }
}
