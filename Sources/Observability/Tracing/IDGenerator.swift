private import Synchronization

/// Makes trace and span identifiers.
///
/// A counter that is scrambled under keys that are drawn from the system once: `SystemRandomNumberGenerator` is a system
/// call for each number on Linux, and a generator behind a lock is a lock for each span. The steps and the scrambling
/// are those of SplitMix64, so all bits are uniformly random and new trace ids carry the W3C random flag; identifiers
/// of one process never repeat, and the 192 bits of keys keep two processes apart. It cannot be copied: two copies would
/// make the same identifiers.
public struct IDGenerator: ~Copyable, Sendable {
    /// The odd step of SplitMix64: 2⁶⁴ divided by the golden ratio.
    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private let counter: Atomic<UInt64>
    private let highKey: UInt64
    private let spanKey: UInt64

    /// Creates a generator.
    ///
    /// - Parameter seed: Makes the sequence repeatable, for tests; from the system when `nil`.
    public init(seed: UInt64? = nil) {
        if let seed {
            counter = Atomic(Self.scrambled(seed))
            highKey = Self.scrambled(seed &+ Self.step)
            spanKey = Self.scrambled(seed &+ Self.step &* 2)
        } else {
            var system = SystemRandomNumberGenerator()
            counter = Atomic(system.next())
            highKey = system.next()
            spanKey = system.next()
        }
    }

    /// Makes a valid trace identifier.
    @inline(__always)
    public func makeTraceID() -> TraceID {
        while true {
            let number = counter.wrappingAdd(Self.step, ordering: .relaxed).oldValue
            let id = TraceID(high: Self.scrambled(number ^ highKey), low: Self.scrambled(number))
            if id.isValid { return id }
        }
    }

    /// Makes a valid span identifier.
    @inline(__always)
    public func makeSpanID() -> SpanID {
        while true {
            let number = counter.wrappingAdd(Self.step, ordering: .relaxed).oldValue
            let id = SpanID(Self.scrambled(number ^ spanKey))
            if id.isValid { return id }
        }
    }

    @inline(__always)
    private static func scrambled(_ number: UInt64) -> UInt64 {
        var value = number
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
