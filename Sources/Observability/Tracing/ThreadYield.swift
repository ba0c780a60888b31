#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Lets another thread run, because what this one waits for takes less than a time slice.
func yieldThread() {
    sched_yield()
}
