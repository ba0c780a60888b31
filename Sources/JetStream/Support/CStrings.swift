#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// Lends an array of C strings; the pointers must not escape.
func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>?, Int) -> Result
) -> Result {
    var copies = strings.map { UnsafePointer<CChar>(strdup($0)) }
    defer {
        for copy in copies { free(UnsafeMutablePointer(mutating: copy)) }
    }
    return copies.withUnsafeMutableBufferPointer { body($0.baseAddress, $0.count) }
}

/// Refuses a file that this process cannot read; libnats reports that only as an authentication failure.
func requireReadable(_ path: String, _ kind: String) throws(NATSError) {
    guard access(path, R_OK) == 0 else {
        throw NATSError(.invalidConfiguration, "the \(kind) '\(path)' cannot be read")
    }
}
