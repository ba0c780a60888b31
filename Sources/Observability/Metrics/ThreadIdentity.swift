#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Tells threads apart for the price of reading a register.
enum ThreadIdentity {
    /// What no other running thread has; never zero. A thread that starts later may get that of one that has ended.
    ///
    /// Callers must not be inlined into asynchronous functions (`@inline(never)`): the compiler takes a thread's
    /// identity for a constant, but such a function may go on another thread after each `await`.
    @inline(__always)
    static var current: UInt {
        #if canImport(Glibc)
        UInt(pthread_self())
        #else
        UInt(bitPattern: pthread_self())
        #endif
    }
}
