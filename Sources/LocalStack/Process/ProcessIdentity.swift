internal import Foundation
internal import Glibc

/// A process beyond its number, which the kernel gives out again: when it started, and in which boot.
struct ProcessIdentity: Codable, Hashable, Sendable {
    let pid: Int32
    /// Clock ticks since boot, field 22 of `/proc/PID/stat`. It survives exec.
    let startTicks: UInt64
    let bootID: String

    /// Reads who has a number now; nil when nobody has, or only a zombie.
    init?(pid: Int32) {
        // The name in field 2 may hold spaces and parentheses; what follows its last parenthesis is plain.
        guard let stat = Self.read("/proc/\(pid)/stat"), let nameEnd = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let ticks = UInt64(fields[19]) else { return nil }
        self.pid = pid
        startTicks = ticks
        bootID = Self.currentBootID
    }

    var isAlive: Bool { ProcessIdentity(pid: pid) == self }

    /// Tells whether the process runs an executable, or a script by way of its interpreter.
    func runs(_ executable: String) -> Bool {
        let resolved = URL(fileURLWithPath: executable).resolvingSymlinksInPath().path
        if let current = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"),
            current == resolved
        {
            return true
        }
        let arguments = Self.read("/proc/\(pid)/cmdline")?.split(separator: "\0") ?? []
        return arguments.contains { $0 == executable || $0 == resolved }
    }

    private static let currentBootID =
        read("/proc/sys/kernel/random/boot_id")?
        .trimmingCharacters(in: .whitespacesAndNewlines) ?? ""

    private static func read(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }
}
