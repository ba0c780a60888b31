private import Synchronization

/// The spans that the parts of a process can make, noted as the parts are put together.
public final class SpanRegistry: Sendable {
    private let state = Mutex<[String: SpanDeclaration]>([:])

    init() {}

    /// What was declared so far, by scope, name and kind.
    public var declarations: [SpanDeclaration] {
        state.withLock { declarations in declarations.sorted { $0.key < $1.key }.map(\.value) }
    }

    func add(_ declaration: SpanDeclaration) {
        let key = "\(declaration.scope) \(declaration.pattern) \(declaration.kind)"
        state.withLock { $0[key] = declaration }
    }
}
