internal import NIOCore
internal import NIOEmbedded
internal import NIOHTTP1
internal import NIOHTTPCompression

/// The decompression of one request body.
///
/// The decompressor of swift-nio-extras is a channel handler. In a server's pipeline its errors close the connection,
/// which an exporter takes for a failure worth a retry; driven here through a channel in memory, an error becomes an
/// answer that says what is wrong.
enum GzipBody {
    enum Failure: Error {
        /// The contents are larger than the limit.
        case tooLarge
        /// The bytes are not gzip, or the end is missing.
        case malformed
    }

    /// Returns the contents of gzip bytes.
    ///
    /// - Parameters:
    ///   - body: the compressed bytes.
    ///   - limit: the most bytes of contents. Decompression stops there, so a small body cannot fill the memory.
    static func decompress(_ body: ByteBuffer, limit: Int) throws(Failure) -> ByteBuffer {
        let channel = EmbeddedChannel(handler: NIOHTTPRequestDecompressor(limit: .size(limit)))
        defer { _ = try? channel.finish() }
        do {
            let head = HTTPRequestHead(
                version: .http1_1,
                method: .POST,
                uri: "/",
                headers: ["content-encoding": "gzip"]
            )
            try channel.writeInbound(HTTPServerRequestPart.head(head))
            var contents = ByteBuffer()
            var rest = body
            // Small slices: one step writes at most twice what it reads, so the overshoot stays small too.
            while let slice = rest.readSlice(length: min(16_384, rest.readableBytes)), slice.readableBytes > 0 {
                try channel.writeInbound(HTTPServerRequestPart.body(slice))
                try drain(channel, into: &contents)
            }
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
            try drain(channel, into: &contents)
            return contents
        } catch NIOHTTPDecompression.DecompressionError.limit {
            throw .tooLarge
        } catch {
            throw .malformed
        }
    }

    private static func drain(_ channel: EmbeddedChannel, into contents: inout ByteBuffer) throws {
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .body(var bytes) = part { contents.writeBuffer(&bytes) }
        }
    }
}
