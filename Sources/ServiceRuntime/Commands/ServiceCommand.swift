/// What a service's process is asked to do by its one argument.
enum ServiceCommand: Equatable {
    /// Without an argument: runs the service until it is told to stop.
    case serve
    /// `migrate`: brings tables, streams and consumers up to date, and ends.
    case migrate
    /// `healthcheck`: asks the service that runs beside it whether it is ready.
    case healthcheck
    /// `--help`
    case help
    /// `--version`
    case version

    /// Reads a command line.
    ///
    /// - Parameter arguments: The arguments without the program's name.
    /// - Throws: ``UnknownArgument`` for one that means nothing, or one too many.
    init(_ arguments: [String]) throws(UnknownArgument) {
        if arguments.count > 1 { throw UnknownArgument(argument: arguments[1]) }
        switch arguments.first {
        case nil: self = .serve
        case "migrate": self = .migrate
        case "healthcheck": self = .healthcheck
        case "--help", "-h": self = .help
        case "--version": self = .version
        case let argument?: throw UnknownArgument(argument: argument)
        }
    }
}

/// An argument that a service does not know.
struct UnknownArgument: Error, CustomStringConvertible {
    let argument: String

    var description: String {
        "unknown argument “\(argument)”; settings come from the environment, see --help"
    }
}
