import Foundation
import TestKit
import Testing

@testable import Observability

@Suite("Log writer", .serialized)
struct LogWriterTests {
    /// Runs a body with a pipe's ends; closes the write end, and the read end unless the body did.
    private func withPipe(_ body: (_ read: FileHandle, _ write: Int32) async throws -> Void) async throws {
        let pipe = Pipe()
        try await body(pipe.fileHandleForReading, pipe.fileHandleForWriting.fileDescriptor)
        try? pipe.fileHandleForWriting.close()
        try? pipe.fileHandleForReading.close()
    }

    /// Reads until what was read ends with a text.
    private func read(_ file: FileHandle, until end: String) -> String {
        var text = ""
        while !text.hasSuffix(end) {
            let data = file.availableData
            if data.isEmpty { return text }
            text += String(decoding: data, as: UTF8.self)
        }
        return text
    }

    private func line(_ text: String) -> [UInt8] { Array((text + "\n").utf8) }

    @Test("keeps the lines of many threads whole, also long ones")
    func wholeLines() async throws {
        let path = NSTemporaryDirectory() + "log-writer-\(UUID().uuidString)"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try #require(FileHandle(forWritingAtPath: path))
        let writer = LogWriter(fileDescriptor: file.fileDescriptor)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<100 {
                        writer.write(line(String(repeating: "\(task)", count: round * 100 + 1)))
                    }
                }
            }
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 800)
        #expect(lines.allSatisfy { Set($0).count == 1 })
        #expect(writer.droppedLines == 0)
    }

    @Test("survives a closed pipe and counts the lines")
    func closedPipe() async throws {
        try await withPipe { read, write in
            let writer = LogWriter(fileDescriptor: write)
            writer.write(line("taken"))
            try read.close()
            writer.write(line("lost"))
            writer.write(line("lost"))
            #expect(writer.droppedLines == 2)
        }
    }

    @Test("waits for a full pipe a little, then drops lines, and goes on when there is room")
    func fullPipe() async throws {
        try await withPipe { read, write in
            let writer = LogWriter(fileDescriptor: write)
            let long = String(repeating: "x", count: 1000)
            let elapsed = ContinuousClock().measure {
                for _ in 0..<1000 { writer.write(line(long)) }
            }
            let dropped = writer.droppedLines
            #expect((800..<1000).contains(dropped))
            #expect(elapsed < .seconds(5))

            _ = read.availableData
            writer.write(line("again"))
            #expect(writer.droppedLines == dropped)
            #expect(self.read(read, until: "\nagain\n").hasSuffix("x\nagain\n"))
        }
    }

    @Test("begins a new line after one that was cut off")
    func cutLine() async throws {
        try await withPipe { read, write in
            let writer = LogWriter(fileDescriptor: write)
            writer.write(line(String(repeating: "x", count: 1 << 20)))
            #expect(writer.droppedLines == 1)
            _ = read.availableData
            writer.write(line("whole"))
            #expect(writer.droppedLines == 1)
            #expect(self.read(read, until: "\nwhole\n").hasSuffix("x\nwhole\n"))
        }
    }

    @Test("writes a line longer than a pipe's buffer to a reader that keeps up")
    func longLine() async throws {
        try await withPipe { read, write in
            let writer = LogWriter(fileDescriptor: write)
            async let received = withCheckedContinuation { continuation in
                DispatchQueue(label: "reader").async {
                    continuation.resume(returning: self.read(read, until: "\nend\n"))
                }
            }
            let text = String(repeating: "y", count: 1 << 20)
            // A reader that is off its core for a tenth of a second does not keep up: then once more.
            let isWritten = await eventually {
                let before = writer.droppedLines
                // Not on the cooperative pool, which the test's reader may need.
                await withCheckedContinuation { continuation in
                    DispatchQueue(label: "writer").async {
                        for text in [text, "end"] { writer.write(line(text)) }
                        continuation.resume()
                    }
                }
                return writer.droppedLines == before
            }
            #expect(isWritten)
            #expect(await received.hasSuffix(text + "\nend\n"))
        }
    }

    @Test("is not a terminal when it is a file")
    func terminal() {
        #expect(!LogWriter { _ in }.isTerminal)
    }
}
