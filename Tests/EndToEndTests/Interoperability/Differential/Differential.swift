import Foundation
import TestKit
import Testing

/// Properties that compare us with other people's code on the same input, made up from a seed.
///
/// Where the others deviate from a specification, the deviation has a name and a clause, and what they then do is
/// predicted; so every case is compared, and each deviation has to show in at least one. They need no servers.
@Suite("What others read and write is what we read and write", .python)
enum Differential {
    /// Cases of each property.
    static let cases = 10_000

    /// Gives cases to a mode of one of our Python programs, all to one process.
    static func answers<Case: Encodable, Answer: Decodable>(
        _ program: String,
        mode: String...,
        to cases: [Case],
        as type: Answer.Type = Answer.self
    ) async throws -> [Answer] {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-cases-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let encoder = JSONEncoder()
        let lines = try cases.map { try encoder.encode($0) + Data("\n".utf8) }
        try Data(lines.joined()).write(to: URL(fileURLWithPath: folder + "/cases"))
        let count: Int = try await Python.run(program, mode + [folder + "/cases", folder + "/answers"])
        try #require(count == cases.count)
        let decoder = JSONDecoder()
        return try Data(contentsOf: URL(fileURLWithPath: folder + "/answers")).split(separator: UInt8(ascii: "\n"))
            .map { try decoder.decode(Answer.self, from: $0) }
    }

    /// Expects that nothing differed; shows the first few, because what goes wrong once goes wrong a thousand times.
    static func expectNone(_ differences: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        let shown = differences.prefix(3).joined(separator: "\n\n")
        let count = differences.count
        #expect(count == 0, "\(count) cases differ\n\(shown)", sourceLocation: sourceLocation)
    }

    /// Every deviation that is written down must show: one that was mended is taken out here too.
    static func expectAll<Deviation: CaseIterable & Hashable>(
        _ seen: [Deviation: Int],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for deviation in Deviation.allCases {
            #expect((seen[deviation] ?? 0) > 0, "\(deviation) does not show any more", sourceLocation: sourceLocation)
        }
    }
}

extension SeededGenerator {
    /// A random element; the fixtures are not empty.
    mutating func pick<T>(_ elements: [T]) -> T { elements[Int.random(in: elements.indices, using: &self)] }

    /// Whether something happens that happens once in so many times.
    mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

    /// Characters of a set.
    mutating func text(_ characters: [Character], _ counts: ClosedRange<Int>) -> String {
        String((0..<Int.random(in: counts, using: &self)).map { _ in pick(characters) })
    }

    /// A text with one character replaced, removed, doubled, or with one put in: nearly as valid as before.
    mutating func mutated(_ text: String, with characters: [Character]) -> String {
        var letters = Array(text)
        let index = Int.random(in: 0...letters.count, using: &self)
        switch Int.random(in: 0..<4, using: &self) {
        case 0 where index < letters.count: letters[index] = pick(characters)
        case 1 where index < letters.count: letters.remove(at: index)
        case 2 where index < letters.count: letters.insert(letters[index], at: index)
        default: letters.insert(pick(characters), at: index)
        }
        return String(letters)
    }
}
