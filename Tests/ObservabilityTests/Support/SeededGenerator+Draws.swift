import TestKit

extension SeededGenerator {
    /// Text of a random number of pieces.
    mutating func text(_ pieces: [String], upTo limit: Int) -> String {
        (0..<Int.random(in: 0...limit, using: &self)).map { _ in pick(pieces) }.joined()
    }

    /// A random element; the fixtures are not empty.
    mutating func pick<T>(_ elements: [T]) -> T {
        elements[Int.random(in: elements.indices, using: &self)]
    }
}
