internal import CNATS

/// One `natsSubscription`; created and destroyed by the writer thread.
final class SubscriptionHandle {
    private let subscription: OpaquePointer

    fileprivate static let complete: natsOnCompleteCB = { closure in
        closure.map { Unmanaged<SubscriptionContext>.fromOpaque($0).release() }
    }

    init(
        _ connection: OpaquePointer,
        _ registration: SubscriptionRegistration,
        _ counters: DeliveryCounters
    ) throws(NATSError) {
        var created: OpaquePointer?
        let context = Unmanaged.passRetained(SubscriptionContext(registration.handler, counters))
        let status =
            if let queueGroup = registration.queueGroup {
                natsConnection_QueueSubscribe(
                    &created,
                    connection,
                    registration.subject,
                    queueGroup,
                    messageArrived,
                    context.toOpaque()
                )
            } else {
                natsConnection_Subscribe(&created, connection, registration.subject, messageArrived, context.toOpaque())
            }
        guard status == NATS_OK, let created else {
            context.release()
            throw NATSError(.library, "libnats could not subscribe to '\(registration.subject)': \(text(of: status))")
        }
        subscription = created
        // The callback gives the context back after the last message. If the subscription is closed already, it never
        // comes and the context stays: a few bytes, against a use after free.
        _ = natsSubscription_SetOnCompleteCB(subscription, Self.complete, context.toOpaque())
    }

    deinit {
        natsSubscription_Destroy(subscription)
    }

    func unsubscribe() {
        _ = natsSubscription_Unsubscribe(subscription)
    }
}

/// What libnats keeps while a subscription may still call back.
final class SubscriptionContext {
    let handler: any SubscriptionHandler
    let counters: DeliveryCounters

    init(_ handler: any SubscriptionHandler, _ counters: DeliveryCounters) {
        self.handler = handler
        self.counters = counters
    }
}

/// Called by libnats on the delivery thread of a subscription.
private func messageArrived(
    _: OpaquePointer?,
    _: OpaquePointer?,
    _ message: OpaquePointer?,
    _ closure: UnsafeMutableRawPointer?
) {
    guard let message else { return }
    let incoming = IncomingMessage(owned: message)
    guard let closure else { return }
    let context = Unmanaged<SubscriptionContext>.fromOpaque(closure).takeUnretainedValue()
    context.counters.addReceived(bytes: incoming.payloadCount)
    context.handler.received(incoming)
}
