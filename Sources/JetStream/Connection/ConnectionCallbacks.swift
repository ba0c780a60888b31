internal import CNATS
internal import Synchronization

/// The connections that libnats may call back about, by number.
///
/// A late callback finds no entry and does nothing; with a pointer it would find freed memory.
enum ConnectionRegistry {
    private static let cores = Mutex<[UInt: ConnectionCore]>([:])
    private static let lastNumber = Atomic<UInt>(0)

    static func register(_ core: ConnectionCore) -> UInt {
        let number = lastNumber.add(1, ordering: .relaxed).newValue
        cores.withLock { $0[number] = core }
        return number
    }

    static func remove(_ number: UInt) {
        _ = cores.withLock { $0.removeValue(forKey: number) }
    }

    fileprivate static func core(_ closure: UnsafeMutableRawPointer?) -> ConnectionCore? {
        cores.withLock { $0[UInt(bitPattern: closure)] }
    }
}

func connectionWasLost(_: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    ConnectionRegistry.core(closure)?.connectionLost()
}

func connectionWasRestored(_ connection: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    ConnectionRegistry.core(closure)?.connectionRestored(to: ServerIdentity(connection))
}

func connectionWasClosed(_: OpaquePointer?, _ closure: UnsafeMutableRawPointer?) {
    ConnectionRegistry.core(closure)?.connectionClosed()
}

/// libnats sets this thread's last error to the server's text just before it calls; nothing runs in between.
func connectionReportedError(
    _: OpaquePointer?,
    _ subscription: OpaquePointer?,
    _ status: natsStatus,
    _ closure: UnsafeMutableRawPointer?
) {
    let words = nats_GetLastError(nil).map { String(cString: $0) } ?? text(of: status)
    guard let core = ConnectionRegistry.core(closure) else { return }
    if status == NATS_NOT_PERMITTED {
        core.permissionDenied(words)
    } else {
        core.errorReported(words.isEmpty ? text(of: status) : words, isSlowConsumer: status == NATS_SLOW_CONSUMER)
    }
}

/// Called by libnats after it has tried every server; returns the wait in milliseconds.
func reconnectDelay(_: OpaquePointer?, _ attempts: CInt, _ closure: UnsafeMutableRawPointer?) -> Int64 {
    let range = ConnectionRegistry.core(closure)?.configuration.reconnectDelay ?? .milliseconds(250)...(.seconds(2))
    return Backoff.delay(attempt: Int(attempts) - 1, in: range).milliseconds
}
