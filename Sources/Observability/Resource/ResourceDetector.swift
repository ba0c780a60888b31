internal import Foundation

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Finds out what the process, its host and its container are.
///
/// A detector cannot fail: what is not to be had is left out. Implements the OpenTelemetry resource SDK, "Detecting
/// resource information from the environment", with the conventions of `process.*`, `host.*`, `os.*` and `container.*`.
/// The command line is left out on purpose, because it may hold secrets.
public enum ResourceDetector {
    /// Everything that can be found out, as attributes of a resource.
    public static func detect() -> Attributes {
        process().merging(host()).merging(container())
    }

    /// `process.*` without what every resource has anyway.
    public static func process() -> Attributes {
        var attributes: Attributes = [
            SemanticConventions.processRuntimeName: "swift",
            SemanticConventions.processRuntimeVersion: .string(runtimeVersion),
        ]
        attributes[SemanticConventions.processExecutableName] = executableName.map { .string($0) }
        attributes[SemanticConventions.processOwner] = owner.map { .string($0) }
        if let stat = contents("/proc/self/stat"), let system = contents("/proc/stat") {
            let ticks = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
            let time = creationTime(processStat: stat, systemStat: system, ticksPerSecond: ticks)
            attributes[SemanticConventions.processCreationTime] = time.map { .string($0) }
        }
        return attributes
    }

    /// `host.*` and `os.*`.
    public static func host() -> Attributes {
        var attributes = Attributes()
        var name = utsname()
        if uname(&name) == 0 {
            attributes[SemanticConventions.osType] = .string(text(&name.sysname).lowercased())
            attributes[SemanticConventions.hostName] = .string(text(&name.nodename))
            attributes[SemanticConventions.hostArch] = .string(architecture(machine: text(&name.machine)))
        }
        return attributes
    }

    /// `container.*`, inside of a container.
    public static func container() -> Attributes {
        let id =
            contents("/proc/self/cgroup").flatMap(containerID(cgroup:))
            ?? contents("/proc/self/mountinfo").flatMap(containerID(mountInfo:))
        return id.map { [SemanticConventions.containerID: .string($0)] } ?? [:]
    }

    /// The name of the program's file.
    static var executableName: String? {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        guard let name = (path ?? CommandLine.arguments.first)?.split(separator: "/").last, !name.isEmpty else {
            return nil
        }
        // The kernel's remark about a program that was replaced while it runs.
        let remark = " (deleted)"
        return String(name.hasSuffix(remark) ? name.dropLast(remark.count) : name)
    }

    /// The convention's name of a machine that `uname` calls otherwise.
    static func architecture(machine: String) -> String {
        switch machine {
        case "x86_64": "amd64"
        case "aarch64": "arm64"
        case "i386", "i486", "i586", "i686": "x86"
        case let arm where arm.hasPrefix("armv"): "arm32"
        case let other: other
        }
    }

    /// When the process started, from two files of `/proc`, as ISO 8601.
    static func creationTime(processStat: String, systemStat: String, ticksPerSecond: UInt64) -> String? {
        // The name in parentheses may itself contain spaces and parentheses; the fields behind it are numbered from 3.
        guard let end = processStat.lastIndex(of: ")") else { return nil }
        let fields = processStat[end...].dropFirst().split(separator: " ")
        let boot = systemStat.split(separator: "\n").first { $0.hasPrefix("btime ") }
        guard fields.count > 19, let ticks = UInt64(fields[19]), let boot = boot.flatMap({ UInt64($0.dropFirst(6)) }),
            boot < 1 << 33
        else { return nil }
        let nanoseconds = ticks % ticksPerSecond * (1_000_000_000 / ticksPerSecond)
        var bytes: [UInt8] = []
        LogTimestamp((boot + ticks / ticksPerSecond) * 1_000_000_000 + nanoseconds).appendDateAndTime(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The identifier at the end of a control group's path, as version 1 and some runtimes on version 2 show it.
    static func containerID(cgroup: String) -> String? {
        for line in cgroup.split(separator: "\n") {
            guard let path = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last else {
                continue
            }
            // docker-<id>.scope, crio-<id>.scope, cri-containerd:<id>, or the bare identifier.
            guard var name = path.split(separator: "/").last else { continue }
            if name.hasSuffix(".scope") { name = name.dropLast(6) }
            if let last = name.split(whereSeparator: { $0 == "-" || $0 == ":" }).last, isContainerID(last) {
                return String(last)
            }
        }
        return nil
    }

    /// The identifier in the path of a file that the runtime mounts into each container.
    static func containerID(mountInfo: String) -> String? {
        for line in mountInfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 4, ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"].contains(fields[4]) else {
                continue
            }
            if let id = fields[3].split(separator: "/").last(where: isContainerID) { return String(id) }
        }
        return nil
    }

    private static func isContainerID(_ text: Substring) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { HexDigits.nibble($0) != nil }
    }

    /// The compiler's, which is the runtime's as well: the two are released together.
    private static var runtimeVersion: String {
        #if compiler(>=6.4)
        "6.4"
        #elseif compiler(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }

    private static var owner: String? {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            guard let start = buffer.baseAddress, getpwuid_r(geteuid(), &record, start, buffer.count, &found) == 0,
                found != nil, let name = record.pw_name
            else { return nil }
            return String(cString: name)
        }
    }

    private static func contents(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The text in one of `uname`'s arrays, which Swift sees as tuples.
    private static func text<Field>(_ field: inout Field) -> String {
        withUnsafeBytes(of: &field) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
