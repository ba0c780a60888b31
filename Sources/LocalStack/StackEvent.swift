/// A step in the life of one component, for a progress line such as "PostgreSQL ready in 0.8 s".
public struct StackEvent: Sendable, CustomStringConvertible {
    /// What happened to the component.
    public enum Phase: Sendable {
        /// The process is being started.
        case starting
        /// The component answers; the time is counted from the start of its process.
        case ready(after: Duration)
        /// The process was asked to stop.
        case stopping
        /// The process has ended; the time is counted from the request to stop.
        case stopped(ManagedProcess.ExitStatus, after: Duration)
        /// Something worth a line, such as where the data lives.
        case note(String)
    }

    /// The component's name, such as "PostgreSQL".
    public let component: String
    /// What happened to it.
    public let phase: Phase

    /// Creates an event.
    public init(component: String, phase: Phase) {
        self.component = component
        self.phase = phase
    }

    /// One line for a terminal.
    public var description: String {
        switch phase {
        case .starting: "\(component) starting"
        case .ready(let elapsed): "\(component) ready in \(Self.seconds(elapsed))"
        case .stopping: "\(component) stopping"
        case .stopped(let status, let elapsed): "\(component) stopped in \(Self.seconds(elapsed)) (\(status))"
        case .note(let text): "\(component): \(text)"
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = (duration / .milliseconds(100)).rounded()
        return "\(tenths / 10) s"
    }
}

/// A receiver of progress. It is called from any thread and must not block.
public typealias StackEventHandler = @Sendable (StackEvent) -> Void
