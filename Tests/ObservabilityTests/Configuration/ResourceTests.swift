import Foundation
import Testing

@testable import Observability

@Suite("Resource")
struct ResourceTests {
    @Test("a resource has what every resource must have, and the service's own values win")
    func resourceMerging() {
        let resource = Resource(
            serviceName: "orders",
            serviceVersion: "1.2",
            instanceID: "i",
            additional: ["service.name": "other", "host.name": "h", "telemetry.sdk.name": "opentelemetry"]
        )
        #expect(resource.serviceName == "orders")
        #expect(resource.attributes["host.name"] == "h")
        #expect(resource.attributes["service.version"] == "1.2")
        #expect(resource.attributes["service.instance.id"] == "i")
        #expect(resource.attributes["telemetry.sdk.language"] == "swift")
        #expect(resource.attributes["telemetry.sdk.name"] == "contrail")
        #expect(resource.attributes["telemetry.sdk.version"] != nil)
        #expect(resource.attributes["process.pid"] != nil)
    }

    @Test("merging keeps the order of names and lets the other's values win, also empty ones")
    func attributesMerging() {
        let merged = (["a": 1, "b": 2] as Attributes).merging(["b": "", "c": 3])
        #expect(merged == ["a": 1, "b": "", "c": 3])
        #expect(merged.map(\.key) == ["a", "b", "c"])
        var attributes = merged
        attributes["b"] = nil
        attributes["none"] = nil
        #expect(attributes == ["a": 1, "c": 3])
    }

    @Test("a service without a name is called unknown, with the program's name behind it")
    func unknownService() throws {
        let executable = try #require(ResourceDetector.executableName)
        #expect(Resource(attributes: [:]).serviceName == "unknown_service:\(executable)")
        #expect(Resource(attributes: ["service.name": ""]).serviceName == "unknown_service:\(executable)")
        let unnamed = Resource(serviceName: "", serviceVersion: "1", instanceID: "i")
        #expect(unnamed.attributes["service.name"] == .string("unknown_service:\(executable)"))
    }

    @Test("the updating resource wins key by key")
    func merging() {
        let merged = Resource(attributes: ["a": 1, "b": 2]).merging(Resource(attributes: ["b": "", "c": 3]))
        #expect(merged.attributes == ["a": 1, "b": "", "c": 3])
    }

    @Test("the process and its host are described")
    func detection() throws {
        let attributes = ResourceDetector.detect()
        #expect(attributes["process.runtime.name"] == "swift")
        #expect(attributes["process.executable.name"] != nil)
        #expect(attributes["host.name"] == .string(ProcessInfo.processInfo.hostName) || attributes["host.name"] != nil)
        #expect(attributes["host.arch"] != nil)
        #if os(Linux)
        #expect(attributes["os.type"] == "linux")
        guard case .string(let text)? = attributes["process.creation.time"] else {
            Issue.record("no creation time")
            return
        }
        let time = try Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        #expect(time < Date.now)
        #expect(time > Date.now.addingTimeInterval(-86400))
        #endif
        // The command line may hold secrets.
        #expect(attributes["process.command_line"] == nil)
        #expect(attributes["process.command_args"] == nil)
    }

    @Test(
        "machines have the convention's names",
        arguments: [
            ("x86_64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64"), ("armv7l", "arm32"), ("i686", "x86"),
            ("riscv64", "riscv64"),
        ]
    )
    func architecture(machine: String, name: String) {
        #expect(ResourceDetector.architecture(machine: machine) == name)
    }

    @Test("the start of the process is counted from the system's")
    func creationTime() {
        let fields = (3...52).map { $0 == 22 ? "12345" : "0" }.joined(separator: " ")
        func time(_ process: String, _ system: String) -> String? {
            ResourceDetector.creationTime(processStat: process, systemStat: system, ticksPerSecond: 100)
        }
        #expect(time("7 (a) b) \(fields)", "cpu 1\nbtime 1700000000\n") == "2023-11-14T22:15:23.450000Z")
        #expect(time("7 (a", "btime 1700000000") == nil)
        #expect(time("7 (a) 1 2", "btime 1700000000") == nil)
        #expect(time("7 (a) \(fields)", "btime x") == nil)
        #expect(time("", "") == nil)
    }

    private static let id = String(repeating: "0123456789abcdef", count: 4)

    @Test(
        "the container's identifier is read from its control group",
        arguments: [
            ("12:cpu:/docker/\(id)\n11:x:/", true), ("0::/system.slice/docker-\(id).scope", true),
            ("1:name=systemd:/kubepods/besteffort/pod1/\(id)", true),
            ("0::/kubepods.slice/kubepods-pod1.slice:cri-containerd:\(id)", true),
            ("0::/kubepods.slice/crio-\(id).scope", true), ("0::/", false), ("", false), (":", false),
            ("0::/user.slice/session-1.scope", false), ("0::/docker/\(id)0", false),
            ("0::/docker/\(id.uppercased())", false),
        ]
    )
    func controlGroup(text: String, isFound: Bool) {
        #expect(ResourceDetector.containerID(cgroup: text) == (isFound ? Self.id : nil))
    }

    @Test("the container's identifier is read from what the runtime mounts")
    func mountInfo() {
        func read(_ root: String, at point: String) -> String? {
            ResourceDetector.containerID(
                mountInfo: "1 2 8:1 / / rw - ext4 /dev/sda rw\n3 2 8:1 \(root) \(point) rw - ext4 /dev/sda rw"
            )
        }
        #expect(read("/var/lib/docker/containers/\(Self.id)/hostname", at: "/etc/hostname") == Self.id)
        #expect(read("/c/overlay-containers/\(Self.id)/userdata/hosts", at: "/etc/hosts") == Self.id)
        #expect(read("/var/lib/docker/overlay2/\(Self.id)/x", at: "/data") == nil)
        #expect(read("/etc/hostname", at: "/etc/hostname") == nil)
        #expect(ResourceDetector.containerID(mountInfo: "x") == nil)
    }
}
