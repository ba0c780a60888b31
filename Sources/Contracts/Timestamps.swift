public import SwiftProtobuf

extension Google_Protobuf_Timestamp {
    /// Creates a time from nanoseconds since the Unix epoch.
    public init(unixNanoseconds: UInt64) {
        self.init(
            seconds: Int64(unixNanoseconds / 1_000_000_000),
            nanos: Int32(unixNanoseconds % 1_000_000_000)
        )
    }

    /// Nanoseconds since the Unix epoch; times before it are the epoch.
    public var unixNanoseconds: UInt64 {
        guard seconds >= 0 else { return 0 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(max(0, nanos))
    }
}

extension Google_Protobuf_Duration {
    /// Creates a duration from nanoseconds.
    public init(nanoseconds: UInt64) {
        self.init(
            seconds: Int64(nanoseconds / 1_000_000_000),
            nanos: Int32(nanoseconds % 1_000_000_000)
        )
    }
}
