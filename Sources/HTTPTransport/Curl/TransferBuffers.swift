internal import CCurl

/// Collects a response up to its limits. Only touched on the client's thread, from libcurl's callbacks and after them.
final class ResponseBuffer {
    private let bodyLimit: Int
    private let headerLimit: Int
    private var headerBytes = 0
    private(set) var body: [UInt8] = []
    private(set) var fields: HTTPFields = [:]

    init(bodyLimit: Int, headerLimit: Int) {
        self.bodyLimit = bodyLimit
        self.headerLimit = headerLimit
    }

    func appendBody(_ part: UnsafeRawBufferPointer) -> Bool {
        guard body.count + part.count <= bodyLimit else { return false }
        body.append(contentsOf: part)
        return true
    }

    /// Takes a line. A status line starts the header of another response: after a redirect or a 1xx.
    func appendHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= headerLimit else { return false }
        if line.starts(with: "HTTP/".utf8) {
            fields = [:]
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
            let end = value.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? value.startIndex
            fields.append(
                String(decoding: line[..<colon], as: UTF8.self),
                String(decoding: value[value.startIndex..<end], as: UTF8.self)
            )
        }
        return true
    }
}

/// Bytes to send, at a place that does not move while libcurl reads them. Only touched on the client's thread.
final class UploadBuffer {
    private let bytes: UnsafeMutableRawBufferPointer
    private var position = 0

    var start: UnsafeRawPointer? { UnsafeRawPointer(bytes.baseAddress) }
    var count: Int { bytes.count }

    init(_ content: [UInt8]) {
        bytes = .allocate(byteCount: content.count, alignment: 1)
        bytes.copyBytes(from: content)
    }

    deinit {
        bytes.deallocate()
    }

    /// Copies the next bytes.
    ///
    /// - Returns: How many there were; 0 at the end.
    func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(target.count, bytes.count - position)
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)]))
        position += count
        return count
    }
}

/// A list of texts as libcurl wants it.
final class CurlList {
    private(set) var first: UnsafeMutablePointer<curl_slist>?

    deinit {
        curl_slist_free_all(first)
    }

    /// Adds a copy of the text; without memory the list stays as it is.
    func append(_ text: String) {
        if let longer = curl_slist_append(first, text) { first = longer }
    }
}

/// libcurl's write callback: any other count than the one it gave ends the transfer with `CURLE_WRITE_ERROR`.
func receiveBody(
    bytes: UnsafeMutablePointer<CChar>?,
    size: Int,
    count: Int,
    context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let response = Unmanaged<ResponseBuffer>.fromOpaque(context).takeUnretainedValue()
    let part = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return response.appendBody(part) ? part.count : 0
}

/// libcurl's header callback, with the contract of the write callback.
func receiveHeader(
    bytes: UnsafeMutablePointer<CChar>?,
    size: Int,
    count: Int,
    context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let response = Unmanaged<ResponseBuffer>.fromOpaque(context).takeUnretainedValue()
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return response.appendHeader(line) ? line.count : 0
}

/// libcurl's read callback: 0 is the end.
func supplyBody(
    bytes: UnsafeMutablePointer<CChar>?,
    size: Int,
    count: Int,
    context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let upload = Unmanaged<UploadBuffer>.fromOpaque(context).takeUnretainedValue()
    return upload.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
}
