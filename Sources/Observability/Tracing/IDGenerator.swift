private import Synchronization

/// Makes trace and span identifiers.
///
/// One xoshiro256** generator, seeded once from the system: `SystemRandomNumberGenerator` is a system call for each
/// number on Linux. All bits are uniformly random, so new trace ids carry the W3C random flag.
public final class IDGenerator: Sendable {
    private let generator: Mutex<Xoshiro256>

    /// Creates a generator.
    ///
    /// - Parameter seed: Makes the sequence repeatable, for tests; from the system when `nil`.
    public init(seed: UInt64? = nil) {
        generator = Mutex(Xoshiro256(seed: seed ?? SystemRandomNumberGenerator.seed()))
    }

    /// Makes a valid trace identifier.
    public func makeTraceID() -> TraceID {
        generator.withLock { generator in
            while true {
                let id = TraceID(high: generator.next(), low: generator.next())
                if id.isValid { return id }
            }
        }
    }

    /// Makes a valid span identifier.
    public func makeSpanID() -> SpanID {
        generator.withLock { generator in
            while true {
                let id = SpanID(generator.next())
                if id.isValid { return id }
            }
        }
    }
}

extension SystemRandomNumberGenerator {
    fileprivate static func seed() -> UInt64 {
        var system = SystemRandomNumberGenerator()
        return system.next()
    }
}

/// The xoshiro256** generator of Blackman and Vigna, seeded through SplitMix64 as they advise.
struct Xoshiro256: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(seed: UInt64) {
        var mixer = seed
        func mix() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var value = mixer
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
        state = (mix(), mix(), mix(), mix())
    }

    mutating func next() -> UInt64 {
        func rotated(_ value: UInt64, by bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
        let result = rotated(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotated(state.3, by: 45)
        return result
    }
}
