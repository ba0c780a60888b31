internal import ArgumentParser
internal import ContrailInstrumentation
internal import GRPCCore
internal import GRPCProtobuf

/// Why a command failed, with the exit code that scripts see.
struct Failure: Error, CustomStringConvertible {
    let message: String
    let exitCode: ExitCode

    var description: String { message }

    /// The service refused, or what was asked for is not there.
    static func refused(_ message: String) -> Failure {
        Failure(message: message, exitCode: ExitCode(1))
    }

    /// Something that is needed does not answer.
    static func unavailable(_ message: String) -> Failure {
        Failure(message: message, exitCode: ExitCode(69))
    }

    /// Explains a call's status.
    init(_ error: RPCError, target: NetworkAddress) {
        switch error.code {
        case .unavailable where (try? error.unpackGoogleRPCStatus()) != nil:
            // The service itself answered, and says what it waits for.
            self = .unavailable("\(error.code.statusName): \(error.message)")
        case .unavailable, .deadlineExceeded:
            self = .unavailable(
                "\(target) does not answer (\(error.code.statusName)): \(error.message)\n"
                    + "Is the stack running? Start it with “contrail up”, or name another address, see --help."
            )
        default:
            self = .refused("\(error.code.statusName): \(error.message)")
        }
    }

    private init(message: String, exitCode: ExitCode) {
        self.message = message
        self.exitCode = exitCode
    }
}

extension AsyncParsableCommand {
    /// Runs a command's body and turns its failure into a message and an exit code.
    func reporting(_ body: (Console) async throws -> Void) async throws {
        let console = Console()
        do {
            try await body(console)
        } catch let failure as Failure {
            console.error(failure.message)
            throw failure.exitCode
        } catch let error as ValidationError {
            // Wrong usage, found late: the parser prints it with the usage.
            throw error
        } catch let error as ExitCode {
            throw error
        } catch is CancellationError {
            throw ExitCode(130)
        } catch {
            console.error("\(error)")
            throw ExitCode(1)
        }
    }
}
