/// A `google.rpc.Status` in protobuf, which OTLP asks for as the body of an error (OTLP specification, "Failures").
///
/// The message is two fields, so it is written here by hand.
struct RPCStatus {
    /// The canonical codes that the receiver uses.
    enum Code: UInt8 {
        case invalidArgument = 3
        case notFound = 5
        case resourceExhausted = 8
        case unimplemented = 12
    }

    let code: Code
    let message: String

    /// The bytes: `code` is field 1 (varint), `message` is field 2 (length-delimited).
    var serialized: [UInt8] {
        var bytes: [UInt8] = [0x08, code.rawValue, 0x12]
        var length = message.utf8.count
        while length > 0x7f {
            bytes.append(UInt8(length & 0x7f) | 0x80)
            length >>= 7
        }
        bytes.append(UInt8(length))
        bytes += message.utf8
        return bytes
    }
}
