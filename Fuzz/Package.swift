// swift-tools-version: 6.2
import PackageDescription

/// libFuzzer's coverage, and AddressSanitizer for what unsafe code and C do. Only our code gets it: the packages that it
/// uses build as always, and what they do is not what is looked for.
let sanitizers = "-sanitize=fuzzer,address"

/// The settings of the package above. Warnings are errors there already, and a newer compiler's must not stop fuzzing.
let settings: [SwiftSetting] = [
    // Internal parsers are fuzzed too, so their modules are built for tests, though optimised.
    .unsafeFlags([sanitizers, "-enable-testing"]),
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")

/// A target of the package above, by a link in Modules: compiled again here with the fuzzer's instrumentation, and
/// without what only servers need, so that neither gRPC nor NIO is built.
func module(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: "Modules/\(name)",
        exclude: exclude,
        swiftSettings: settings
    )
}

func system(_ name: String, pkgConfig: String? = nil) -> Target {
    .systemLibrary(name: name, path: "Modules/\(name)", pkgConfig: pkgConfig)
}

let package = Package(
    name: "contrail-fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
    ],
    targets: [
        system("CCurl", pkgConfig: "libcurl"),
        system("CProtobufC", pkgConfig: "libprotobuf-c"),
        system("CZlib"),
        .target(
            name: "COTLP",
            dependencies: ["CProtobufC"],
            path: "Modules/COTLP",
            cSettings: [.unsafeFlags(["-fsanitize=address"])]
        ),
        module("Waiting", []),
        module("Observability", ["Waiting", logging, metrics, tracing]),
        module("OTLPExporter", ["Observability", "COTLP", "CProtobufC", "CCurl", "CZlib", logging, tracing]),
        module("TraceBackend", [protobuf, logging], exclude: ["HTTP"]),
        .systemLibrary(name: "CLibFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: ["Observability", "OTLPExporter", "TraceBackend", "CLibFuzzer", protobuf],
            swiftSettings: settings,
            // The other linkers of some distributions know nothing of the sanitizers' symbols.
            linkerSettings: [.unsafeFlags([sanitizers, "-use-ld=lld"])]
        ),
    ]
)
