internal import Foundation
internal import SwiftProtobuf

extension SwiftProtobuf.Message {
    /// The message as JSON, with the trace of the call that brought it as `traceId`.
    func jsonString(traceID: String) throws -> String {
        let object = try JSONSerialization.jsonObject(with: Data(jsonString().utf8))
        guard var fields = object as? [String: Any] else { return try jsonString() }
        fields["traceId"] = traceID
        let data = try JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }
}
