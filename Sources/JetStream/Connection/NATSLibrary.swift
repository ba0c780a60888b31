internal import CNATS

/// The libnats that this process has loaded.
public enum NATSLibrary {
    /// The version, for example `3.4.1`.
    public static var version: String { String(cString: nats_GetVersion()) }

    /// The version as `0xMMmmpp`, which is how libnats numbers itself.
    static var versionNumber: UInt32 { nats_GetVersionNumber() }

    /// Whether one connection may use TLS: before 3.11 libnats called OpenSSL from two threads without a lock.
    static var hasSafeTLS: Bool { versionNumber >= 0x03_0B_00 }
}

/// Throws the status of a libnats call, with the name of what was tried.
func check(_ status: natsStatus, _ action: @autoclosure () -> String) throws(NATSError) {
    guard status != NATS_OK else { return }
    throw NATSError(.library, "libnats could not \(action()): \(text(of: status))")
}

/// Returns libnats' words for a status.
func text(of status: natsStatus) -> String {
    natsStatus_GetText(status).map { String(cString: $0) } ?? "status \(status.rawValue)"
}
