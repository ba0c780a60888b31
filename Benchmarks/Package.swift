// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

func contrail(_ product: String) -> Target.Dependency {
    .product(name: product, package: "contrail")
}

// Programs of their own, so that the gates of CI need to build the smallest only.
let package = Package(
    name: "contrail-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "contrail", path: ".."),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
    ],
    targets: [
        .target(name: "CBench"),
        .target(name: "BenchHarness", dependencies: ["CBench"], swiftSettings: settings),

        // T1–T4, M1–M3: the hot paths of the SDK.
        .executableTarget(
            name: "contrail-micro",
            dependencies: [
                "BenchHarness", contrail("Observability"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),

        // T5, T6: encoding and exporting. The generated code is the one of TraceBackend, by a symbolic link.
        .target(
            name: "OTLPMessages",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "contrail-encode",
            dependencies: [
                "BenchHarness", "OTLPMessages", contrail("Observability"), contrail("OTLPExporter"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),

        // T7: a gRPC service with and without tracing and metrics.
        .executableTarget(
            name: "contrail-echo",
            dependencies: [
                contrail("Observability"), contrail("OTLPExporter"), contrail("ContrailInstrumentation"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),

        // N1–N4: JetStream, against libnats in C.
        .executableTarget(
            name: "contrail-nats",
            dependencies: [
                "BenchHarness", contrail("JetStream"), contrail("Observability"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
    ]
)
