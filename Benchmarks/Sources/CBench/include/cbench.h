// What all harnesses share: the clock, two threads at once, and the counters of allocations and instructions.
#ifndef CBENCH_H
#define CBENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Nanoseconds of the monotonic clock.
uint64_t bench_now(void);

/// Makes the compiler believe that the memory is read.
void bench_escape(const void *pointer);

/// Whether the process runs with the allocation counter (peers/c/malloc-count.c) preloaded.
bool bench_counts_allocations(void);
/// Allocations of the calling thread so far; zero without the counter.
uint64_t bench_thread_allocations(void);
/// Allocations of all threads so far; zero without the counter.
uint64_t bench_process_allocations(void);

/// Whether the program was built with valgrind's header and runs under valgrind.
bool bench_runs_under_valgrind(void);
/// Starts to count instructions from zero.
void bench_instructions_begin(void);
/// Ends the count and has callgrind write it down under a name.
void bench_instructions_end(const char *name);

/// How long two threads contend in one window, in nanoseconds.
#define BENCH_CONTENDED_WINDOW 300000

/// Runs a body on two threads at the same time, for one window.
///
/// Returns the nanoseconds that a thread spends on an operation, or 0 when one of the threads was off its core for more
/// than a twentieth of the window: then there was no contention to measure.
double bench_two_threads(void (*body)(void *context, long operations), void *context);

/// CPU time of the process in nanoseconds, all threads.
uint64_t bench_cpu(void);

#ifdef __cplusplus
}
#endif

#endif
