import ContrailCLI
import Foundation
import Logging
import Testing

/// Gives a suite a local stack of its own, on free ports and in a private folder, and stops it afterwards.
struct StackTrait: SuiteTrait, TestScoping {
    /// Variables for the services, made once the ports are known.
    let environment: @Sendable (StackConfiguration.Ports) -> [String: String]

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-test-\(UUID().uuidString.prefix(8))"
        var configuration = StackConfiguration(
            directory: folder,
            ports: try StackConfiguration.Ports.free(),
            programs: Self.programs
        )
        configuration.fsync = false
        configuration.environment = environment(configuration.ports)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await withoutActuallyEscaping(function) { function in
            try await Stack.run(configuration, logger: logger) { stack in
                try await Stack.$current.withValue(stack) { try await function() }
            }
        }
        try FileManager.default.removeItem(atPath: folder)
    }

    /// The folder of the build's products: the test bundle lies in it.
    static var programs: String {
        var folder = Bundle.main.bundleURL
        while folder.path != "/" {
            let program = folder.appendingPathComponent("orders-service").path
            if FileManager.default.isExecutableFile(atPath: program) { return folder.path }
            folder.deleteLastPathComponent()
        }
        return StackConfiguration.ownFolder
    }
}

extension Trait where Self == StackTrait {
    /// A stack of its own.
    static var stack: StackTrait { StackTrait { _ in [:] } }

    /// A stack of its own whose services have further variables.
    static func stack(
        _ environment: @escaping @Sendable (StackConfiguration.Ports) -> [String: String]
    ) -> StackTrait {
        StackTrait(environment: environment)
    }
}

extension Stack {
    /// The stack of the suite that runs.
    @TaskLocal static var current: Stack?

    /// The stack of the suite that runs; only suites with the trait may ask.
    static func required(sourceLocation: SourceLocation = #_sourceLocation) throws -> Stack {
        try #require(current, "the suite lacks the .stack trait", sourceLocation: sourceLocation)
    }
}
