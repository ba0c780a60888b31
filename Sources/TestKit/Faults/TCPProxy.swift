internal import NIOCore
internal import NIOPosix
private import Synchronization

/// Stands between a client and a server, and does what networks do: nothing, silence, delay, a slow line, an end.
///
/// A black hole keeps bytes like a network that is cut, where TCP sends them again later: connections that survive it go
/// on when it is over. New connections are accepted in a black hole, as a kernel does whose process hangs.
public final class TCPProxy: Sendable {
    /// What happens to the bytes of all connections, in both directions.
    public enum Mode: Sendable, Hashable {
        /// They are passed on.
        case pass
        /// They are kept.
        case blackHole
        /// They are passed on after a time.
        case delay(Duration)
        /// They are passed on in pieces of a number of bytes, one in each 10 ms.
        case trickle(Int)
        /// Connections are closed, and new ones after they were accepted.
        case close
    }

    /// What came through.
    public struct Statistics: Sendable, Hashable {
        /// Connections that were accepted.
        public internal(set) var accepted = 0
        /// Connections that are open.
        public internal(set) var open = 0
        /// Bytes that were passed on to the server.
        public internal(set) var sent = 0
        /// Bytes that were passed on to the client.
        public internal(set) var received = 0
    }

    private let shared: Shared
    private let listener: any Channel

    /// The port on 127.0.0.1.
    public let port: Int

    /// Starts a proxy.
    ///
    /// - Parameters:
    ///   - port: The server's port on 127.0.0.1.
    ///   - listen: The proxy's own port, 0 for any.
    /// - Throws: When it cannot listen.
    public init(to port: Int, listen: Int = 0) async throws {
        let shared = Shared()
        self.shared = shared
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                shared.accepted()
                return ClientBootstrap(group: client.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .connect(host: "127.0.0.1", port: port)
                    .flatMap { server in
                        client.eventLoop.makeCompletedFuture {
                            let up = Pipe(to: server, shared: shared, isUp: true)
                            let down = Pipe(to: client, shared: shared, isUp: false)
                            try client.pipeline.syncOperations.addHandler(up)
                            try server.pipeline.syncOperations.addHandler(down)
                            shared.add(client, server)
                        }
                    }
                    .flatMapErrorThrowing { _ in client.close(promise: nil) }
            }
            .bind(host: "127.0.0.1", port: listen)
            .get()
        self.port = listener.localAddress?.port ?? 0
    }

    /// What happens to the bytes from now on.
    public var mode: Mode {
        get { shared.state.withLock { $0.mode } }
        set { shared.change(to: newValue) }
    }

    /// What came through so far.
    public var statistics: Statistics { shared.state.withLock { $0.statistics } }

    /// Closes everything.
    public func stop() async {
        shared.change(to: .close)
        try? await listener.close()
    }

    /// What all connections know.
    fileprivate final class Shared: Sendable {
        struct State {
            var mode = Mode.pass
            var statistics = Statistics()
            var channels: [ObjectIdentifier: any Channel] = [:]
        }

        let state = Mutex(State())

        func accepted() {
            state.withLock { state in
                state.statistics.accepted += 1
                state.statistics.open += 1
            }
        }

        func add(_ client: any Channel, _ server: any Channel) {
            let mode = state.withLock { state in
                for channel in [client, server] { state.channels[ObjectIdentifier(channel)] = channel }
                return state.mode
            }
            for channel in [client, server] {
                channel.closeFuture.whenComplete { _ in self.closed(channel, isClient: channel === client) }
            }
            if mode == .close { client.close(promise: nil) }
        }

        private func closed(_ channel: any Channel, isClient: Bool) {
            state.withLock { state in
                state.channels[ObjectIdentifier(channel)] = nil
                if isClient { state.statistics.open -= 1 }
            }
        }

        func count(_ bytes: Int, isUp: Bool) {
            state.withLock { state in
                if isUp { state.statistics.sent += bytes } else { state.statistics.received += bytes }
            }
        }

        func change(to mode: Mode) {
            let channels = state.withLock { state in
                state.mode = mode
                return Array(state.channels.values)
            }
            for channel in channels {
                if mode == .close {
                    channel.close(promise: nil)
                } else {
                    channel.pipeline.fireUserInboundEventTriggered(ModeChanged())
                }
            }
        }
    }
}

private struct ModeChanged: Sendable {}

/// One direction of a connection: keeps what it reads until it may be passed on, in order.
private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let target: any Channel
    private let shared: TCPProxy.Shared
    private let isUp: Bool
    private var kept: [(at: NIODeadline, bytes: ByteBuffer)] = []
    private var isScheduled = false
    private var hasEnded = false

    init(to target: any Channel, shared: TCPProxy.Shared, isUp: Bool) {
        self.target = target
        self.shared = shared
        self.isUp = isUp
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // The server's side is connected by now, the client's will be active in a moment.
        if context.channel.isActive { context.read() }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        kept.append((.now(), unwrapInboundIn(data)))
        passOn(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Who keeps bytes reads no more of them, so that TCP slows the sender down.
        if kept.isEmpty { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ModeChanged { passOn(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        hasEnded = true
        if kept.isEmpty { target.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func passOn(_ context: ChannelHandlerContext) {
        while let first = kept.first {
            switch shared.state.withLock({ $0.mode }) {
            case .close: return context.close(promise: nil)
            case .blackHole: return
            case .pass:
                send(kept.removeFirst().bytes)
            case .delay(let duration):
                let due = first.at + .nanoseconds(Int64(duration / .nanoseconds(1)))
                if due > .now() { return again(context, at: due) }
                send(kept.removeFirst().bytes)
            case .trickle(let count):
                if isScheduled { return }
                if let piece = kept[0].bytes.readSlice(length: min(count, first.bytes.readableBytes)) { send(piece) }
                if kept[0].bytes.readableBytes == 0 { kept.removeFirst() }
                return again(context, at: .now() + .milliseconds(10))
            }
        }
        if hasEnded { target.close(promise: nil) } else { context.read() }
    }

    private func again(_ context: ChannelHandlerContext, at due: NIODeadline) {
        guard !isScheduled else { return }
        isScheduled = true
        context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.isScheduled = false
            self.passOn(context)
        }
    }

    private func send(_ bytes: ByteBuffer) {
        shared.count(bytes.readableBytes, isUp: isUp)
        target.writeAndFlush(bytes, promise: nil)
    }
}
