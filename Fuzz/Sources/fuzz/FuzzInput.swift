/// The bytes that libFuzzer made up, seen as what a target reads.
struct FuzzInput {
    let bytes: [UInt8]

    init(_ buffer: UnsafeRawBufferPointer) {
        bytes = Array(buffer)
    }

    /// The bytes as text; ill-formed UTF-8 becomes U+FFFD, as it does wherever headers are read.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The values of the lines of one header: a corpus file has one on each line.
    ///
    /// Split by bytes, because CR and LF are one `Character`, and a value with a CR in it is worth a test.
    var lines: [String] {
        var content = bytes[...]
        // Editors end files with a newline.
        if content.last == UInt8(ascii: "\n") { content.removeLast() }
        return content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
