import Testing

/// All tests that run the real stack, one after the other: each has servers and services of its own, and two cores are few.
@Suite("End to end", .serialized)
enum EndToEnd {}
