// swift-tools-version: 6.2
import PackageDescription

/// Settings that every Swift target of the package shares.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let grpc: Target.Dependency = .product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport: Target.Dependency = .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let grpcProtobuf: Target.Dependency = .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")

/// What a service may use; it reaches the outside through `ContrailInstrumentation` only.
let serviceDependencies: [Target.Dependency] = [
    "Contracts", "EventSourcing", "PostgresEventStore", "ContrailInstrumentation", "ServiceRuntime", "Observability",
    "Resilience", grpc, grpcProtobuf, protobuf, logging, tracing,
]

/// A library target: one of the rows of the architecture.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A process: a `main` of a few lines over one library.
func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let package = Package(
    name: "contrail",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Observability", targets: ["Observability"]),
        .library(name: "Resilience", targets: ["Resilience"]),
        .library(name: "EventSourcing", targets: ["EventSourcing"]),
        .library(name: "OTLPExporter", targets: ["OTLPExporter"]),
        .library(name: "JetStream", targets: ["JetStream"]),
        .library(name: "Postgres", targets: ["Postgres"]),
        .library(name: "HTTPTransport", targets: ["HTTPTransport"]),
        .library(name: "ContrailInstrumentation", targets: ["ContrailInstrumentation"]),
        .library(name: "PostgresEventStore", targets: ["PostgresEventStore"]),
        .library(name: "ServiceRuntime", targets: ["ServiceRuntime"]),
        .library(name: "TestKit", targets: ["TestKit"]),
        .executable(name: "users-service", targets: ["users-service"]),
        .executable(name: "orders-service", targets: ["orders-service"]),
        .executable(name: "notifications-service", targets: ["notifications-service"]),
        .executable(name: "contrail", targets: ["contrail"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // C: one module map and shim per system library.
        .systemLibrary(name: "CNATS", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(name: "CZlib"),
        .target(name: "COTLP", dependencies: ["CProtobufC"]),

        library("Waiting", []),

        // 1: no network, no C.
        library("Observability", ["Waiting", logging, metrics, tracing]),
        library("Resilience", ["Waiting"]),
        library("EventSourcing", []),

        // 2: one wrapper per outside thing.
        library("OTLPExporter", ["Observability", "COTLP", "CProtobufC", "CCurl", "CZlib", logging, tracing]),
        library("JetStream", ["Waiting", "CNATS", logging]),
        library("Postgres", ["CLibPQ", logging]),
        library("HTTPTransport", ["CCurl"]),

        // 3: the tracing module, and storage.
        library(
            "ContrailInstrumentation",
            [
                "Observability", "Resilience", "JetStream", "Postgres", "HTTPTransport", grpc, grpcTransport, logging,
                tracing,
            ]
        ),
        library("PostgresEventStore", ["EventSourcing", "Postgres", logging]),

        // 4: what the services share.
        library("Contracts", [grpc, grpcProtobuf, protobuf]),
        library(
            "ServiceRuntime",
            [
                "Observability", "Resilience", "EventSourcing", "OTLPExporter", "Postgres", "ContrailInstrumentation",
                "PostgresEventStore", "Contracts", "CZlib", hummingbird, lifecycle, grpc, grpcProtobuf, protobuf,
                logging, metrics, tracing,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),

        // 5: the services.
        library("Users", serviceDependencies),
        library("Orders", serviceDependencies),
        library("Notifications", serviceDependencies),

        // 6: processes and tools.
        executable("users-service", ["Users", "ServiceRuntime"]),
        executable("orders-service", ["Orders", "ServiceRuntime"]),
        executable("notifications-service", ["Notifications", "ServiceRuntime"]),
        library(
            "TraceBackend",
            [
                protobuf, hummingbird, logging,
                .product(name: "NIOHTTPCompression", package: "swift-nio-extras"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        library(
            "AlertEnricher",
            [
                "Observability", "HTTPTransport", hummingbird, lifecycle, logging,
                .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),
        library("LocalStack", [logging]),
        library(
            "ContrailCLI",
            [
                "Contracts", "ServiceRuntime", "ContrailInstrumentation", "Observability", "HTTPTransport",
                "TraceBackend", "AlertEnricher", "LocalStack", "Users", "Orders", "Notifications",
                arguments, yaml, grpc, grpcProtobuf, protobuf, lifecycle, logging, tracing,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),
        executable("contrail", ["ContrailCLI", arguments]),

        // T: test kits and tests.
        library(
            "TestKit",
            [
                "Observability",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        tests("Observability", ["Observability", "TestKit", logging, metrics, tracing]),
        tests("Waiting", ["Waiting"]),
        tests("Resilience", ["Resilience", "TestKit"]),
        tests("EventSourcing", ["EventSourcing"]),
        tests(
            "PostgresEventStore",
            ["PostgresEventStore", "EventSourcing", "Postgres", "LocalStack", "TestKit", logging]
        ),
        tests(
            "OTLPExporter",
            [
                "OTLPExporter", "Observability", "TraceBackend", "TestKit", "COTLP", "CProtobufC", protobuf, logging,
                tracing,
            ],
            // Programs in Python, which the tests find beside their own sources.
            exclude: ["Programs"]
        ),
        tests("JetStream", ["JetStream", "TestKit", logging]),
        tests("Postgres", ["Postgres", "TestKit", logging]),
        tests("HTTPTransport", ["HTTPTransport"]),
        tests("TraceBackend", ["TraceBackend", protobuf, logging]),
        tests("AlertEnricher", ["AlertEnricher", "Observability", "HTTPTransport", "TestKit", hummingbird, logging]),
        tests("LocalStack", ["LocalStack", logging]),
        tests(
            "ContrailInstrumentation",
            [
                "ContrailInstrumentation", "Observability", "Resilience", "JetStream", "LocalStack", "TestKit", grpc,
                logging, tracing,
            ]
        ),
        tests("Contracts", ["Contracts"]),
        tests(
            "ServiceRuntime",
            ["ServiceRuntime", "ContrailInstrumentation", "Contracts", "Resilience", grpc, protobuf, logging]
        ),
        tests("ContrailCLI", ["ContrailCLI", "Contracts", protobuf]),
        tests("Orders", ["Orders", "Contracts", "EventSourcing", "TestKit", grpc, grpcProtobuf, protobuf]),
        tests(
            "EndToEnd",
            [
                "ContrailCLI", "LocalStack", "TraceBackend", "TestKit", "ContrailInstrumentation", "Contracts",
                "Observability", "ServiceRuntime", "JetStream", "HTTPTransport", "users-service", "orders-service",
                "notifications-service", "contrail", grpc, protobuf, logging,
            ],
            // Programs in Python, which the tests find beside their own sources.
            exclude: ["Interoperability/Programs"]
        ),
    ]
)
