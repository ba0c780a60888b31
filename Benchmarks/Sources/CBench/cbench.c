#define _GNU_SOURCE
#include "include/cbench.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define HAS_CALLGRIND 1
#else
#define HAS_CALLGRIND 0
#endif

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t bench_now(void) { return nanoseconds(CLOCK_MONOTONIC); }

uint64_t bench_cpu(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

void bench_escape(const void *pointer) { __asm__ volatile("" : : "r"(pointer) : "memory"); }

// The counter is a preloaded library: a run that measures time does not pay for it.
typedef uint64_t (*counter)(void);

static counter find(const char *name) { return (counter)dlsym(RTLD_DEFAULT, name); }

bool bench_counts_allocations(void) { return find("malloc_count_thread") != 0; }

uint64_t bench_thread_allocations(void) {
    static counter function;
    if (!function) function = find("malloc_count_thread");
    return function ? function() : 0;
}

uint64_t bench_process_allocations(void) {
    static counter function;
    if (!function) function = find("malloc_count_process");
    return function ? function() : 0;
}

#if HAS_CALLGRIND
bool bench_runs_under_valgrind(void) { return RUNNING_ON_VALGRIND != 0; }

void bench_instructions_begin(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void bench_instructions_end(const char *name) {
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
}
#else
bool bench_runs_under_valgrind(void) { return false; }
void bench_instructions_begin(void) {}
void bench_instructions_end(const char *name) { (void)name; }
#endif

struct meeting {
    void (*body)(void *context, long operations);
    void *context;
    atomic_int arrived;
    atomic_bool over;
    struct {
        long operations;
        uint64_t wall, cpu;
    } thread[2];
};

// Both go on until the first has had its time: a core that gets the cache line more often does more operations instead
// of leaving the other one alone at the end.
static void meet_and_run(struct meeting *meeting, int index) {
    const long step = 64;
    long operations = 0;
    atomic_fetch_add(&meeting->arrived, 1);
    while (atomic_load_explicit(&meeting->arrived, memory_order_acquire) < 2) {
    }
    uint64_t cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID), begin = bench_now();
    while (!atomic_load_explicit(&meeting->over, memory_order_relaxed)) {
        meeting->body(meeting->context, step);
        operations += step;
        if (index == 0 && bench_now() - begin >= BENCH_CONTENDED_WINDOW) {
            atomic_store_explicit(&meeting->over, true, memory_order_relaxed);
        }
    }
    meeting->thread[index].wall = bench_now() - begin;
    meeting->thread[index].cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    meeting->thread[index].operations = operations;
}

static void *second_thread(void *meeting) {
    meet_and_run(meeting, 1);
    return 0;
}

double bench_two_threads(void (*body)(void *context, long operations), void *context) {
    struct meeting meeting = {.body = body, .context = context};
    pthread_t thread;
    if (pthread_create(&thread, 0, second_thread, &meeting) != 0) return 0;
    meet_and_run(&meeting, 0);
    pthread_join(thread, 0);
    uint64_t wall = 0;
    for (int index = 0; index < 2; index++) {
        if (meeting.thread[index].cpu * 20 < meeting.thread[index].wall * 19) return 0;
        if (meeting.thread[index].wall * 20 < BENCH_CONTENDED_WINDOW * 19) return 0;
        wall += meeting.thread[index].wall;
    }
    return (double)wall / (double)(meeting.thread[0].operations + meeting.thread[1].operations);
}
