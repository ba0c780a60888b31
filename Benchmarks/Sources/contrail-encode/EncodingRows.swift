internal import BenchHarness
@_spi(Benchmarks) internal import OTLPExporter
internal import OTLPMessages
internal import Observability
internal import SwiftProtobuf

/// T5: 512 spans with five attributes each, by our writer and by swift-protobuf's generated code.
func encodingRows(_ bench: Bench) {
    let batch = makeBatch(512)
    let encoding = OTLPEncoding()
    var ours: [UInt8] = []
    encoding.encode(batch, resource: benchResource) { ours = Array($0) }
    let theirs: [UInt8]? = try? SwiftProtobufEncoding.request(batch, resource: benchResource).serializedBytes()

    bench.measure("T5", "contrail", most: 4, units: batch.count) { operations in
        for _ in 0..<operations {
            encoding.encode(batch, resource: benchResource) { Bench.keep($0.count) }
        }
    }
    guard bench.mode == .time else { return }
    bench.measure("T5", "swift-protobuf", most: 1, units: batch.count) { operations in
        for _ in 0..<operations {
            let request = SwiftProtobufEncoding.request(batch, resource: benchResource)
            let bytes: [UInt8]? = try? request.serializedBytes()
            Bench.keep(bytes)
        }
    }
    let request = SwiftProtobufEncoding.request(batch, resource: benchResource)
    bench.measure("T5", "swift-protobuf, messages made before", most: 1, units: batch.count) { operations in
        for _ in 0..<operations {
            let bytes: [UInt8]? = try? request.serializedBytes()
            Bench.keep(bytes)
        }
    }
    bench.emit("T5", "contrail, size", ["bytes": Double(ours.count) / Double(batch.count)])
    bench.emit("T5", "contrail, bytes equal to swift-protobuf", ["equal": theirs == ours ? 1 : 0])
}
