// The floor: what the machine itself asks for the least that a row can do, in C.
//
//   T1  two clocks, 24 random bytes and 14 stores into a ring      T4  16 + 8 random bytes to hex and back
//   M1  one relaxed atomic addition                                M2  a search among 11 bounds and two additions
//   M3  copying the text of 10,000 series
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cbench.h"

static long repeats = 400;
static int rows_asked;
static char **rows;

static bool wants(const char *row) {
    for (int i = 0; i < rows_asked; i++) {
        if (!strcmp(rows[i], row)) return true;
    }
    return rows_asked == 0;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

// The share is that of the result among all in ascending order: 0 is the minimum.
static void report(const char *row, const char *name, double *results, long count, double share) {
    if (count == 0) {
        printf("{\"row\":\"%s\",\"name\":\"%s\",\"windows\":0}\n", row, name);
        return;
    }
    qsort(results, (size_t)count, sizeof *results, compare);
    printf("{\"row\":\"%s\",\"name\":\"%s\",\"ns\":%.3f,\"p10\":%.3f,\"windows\":%ld,\"allocs\":0}\n", row, name,
           results[(long)(share * (double)count)], results[count / 10], count);
}

static void measure(const char *row, const char *name, void (*body)(void *, long), long operations) {
    double *results = calloc((size_t)repeats, sizeof *results);
    for (long i = 0; i < repeats; i++) {
        uint64_t begin = bench_now();
        body(0, operations);
        results[i] = (double)(bench_now() - begin) / (double)operations;
    }
    report(row, name, results, repeats, 0);
    free(results);
}

static void measure_contended(const char *row, const char *name, void (*body)(void *, long)) {
    double *results = calloc((size_t)repeats, sizeof *results);
    long count = 0;
    // Beside other work many windows are of no use; two seconds are enough to find good ones.
    uint64_t end = bench_now() + 2000000000u;
    while (count < repeats && bench_now() < end) {
        double result = bench_two_threads(body, 0);
        if (result > 0) results[count++] = result;
    }
    // The median: the minimum would be the window in which the two met least.
    report(row, name, results, count, 0.5);
    free(results);
}

static uint64_t state[4] = {0x9E3779B97F4A7C15u, 0xBF58476D1CE4E5B9u, 0x94D049BB133111EBu, 1};

static uint64_t rotated(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static uint64_t next_random(void) {
    uint64_t result = rotated(state[1] * 5, 7) * 9, shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotated(state[3], 45);
    return result;
}

struct span {
    uint64_t fields[14];
};

static struct span ring[1 << 16];
static uint32_t head;

static uint64_t wall_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline void record_span(long i, uint64_t (*clock)(void)) {
    struct span *span = &ring[head++ & 0xFFFF];
    span->fields[0] = next_random();
    span->fields[1] = next_random();
    span->fields[2] = next_random();
    span->fields[3] = (uint64_t)i;
    span->fields[4] = clock();
    for (int field = 6; field < 14; field++) span->fields[field] = (uint64_t)(uintptr_t)span + (uint64_t)field;
    span->fields[5] = clock();
    bench_escape(span);
}

static void record_spans(void *context, long operations) {
    (void)context;
    for (long i = 0; i < operations; i++) record_span(i, wall_clock);
}

#if defined(__x86_64__)
static uint64_t cycle_counter(void) { return __builtin_ia32_rdtsc(); }

static void record_spans_by_cycles(void *context, long operations) {
    (void)context;
    for (long i = 0; i < operations; i++) record_span(i, cycle_counter);
}
#endif

static void read_clocks(void *context, long operations) {
    (void)context;
    for (long i = 0; i < operations; i++) {
        uint64_t times[2] = {wall_clock(), wall_clock()};
        bench_escape(times);
    }
}

// By tables: two digits of each byte, and the value of each digit.
static char digits_of[256][2];
static uint8_t value_of[256];

static void make_tables(void) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 256; i++) {
        digits_of[i][0] = digits[i >> 4];
        digits_of[i][1] = digits[i & 15];
    }
    for (int i = 0; i < 16; i++) value_of[(uint8_t)digits[i]] = (uint8_t)i;
}

static void put_hex(char *text, uint64_t value) {
    for (int i = 0; i < 8; i++) memcpy(text + 2 * i, digits_of[value >> (56 - 8 * i) & 255], 2);
}

static uint64_t get_hex(const char *text) {
    uint64_t value = 0;
    for (int i = 0; i < 16; i++) value = value << 4 | value_of[(uint8_t)text[i]];
    return value;
}

static void propagate(void *context, long operations) {
    (void)context;
    char text[56] = "00-";
    for (long i = 0; i < operations; i++) {
        put_hex(text + 3, next_random());
        put_hex(text + 19, next_random());
        text[35] = '-';
        put_hex(text + 36, next_random());
        memcpy(text + 52, "-01", 4);
        bench_escape(text);
        uint64_t ids[3] = {get_hex(text + 3), get_hex(text + 19), get_hex(text + 36)};
        bench_escape(ids);
    }
}

static _Atomic uint64_t counter;

static void count(void *context, long operations) {
    (void)context;
    for (long i = 0; i < operations; i++) atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
}

static const double bounds[11] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
static _Atomic uint64_t buckets[12], sum;
static volatile double value = 0.12;

static void observe(void *context, long operations) {
    (void)context;
    for (long i = 0; i < operations; i++) {
        double observed = value;
        int index = 0;
        while (index < 11 && bounds[index] < observed) index++;
        atomic_fetch_add_explicit(&buckets[index], 1, memory_order_relaxed);
        uint64_t old = atomic_load_explicit(&sum, memory_order_relaxed), new;
        do {
            double total;
            memcpy(&total, &old, 8);
            total += observed;
            memcpy(&new, &total, 8);
        } while (!atomic_compare_exchange_weak_explicit(&sum, &old, new, memory_order_relaxed, memory_order_relaxed));
    }
}

static char text[640000], copied[640000];

static void copy(void *context, long operations) {
    (void)context;
    for (long i = 0; i < operations; i++) {
        memcpy(copied, text, sizeof text);
        bench_escape(copied);
    }
}

int main(int count_of_arguments, char **arguments) {
    int first = 1;
    if (count_of_arguments > 2 && !strcmp(arguments[1], "--repeats")) {
        repeats = strtol(arguments[2], 0, 10);
        first = 3;
    }
    rows_asked = count_of_arguments - first;
    rows = arguments + first;
    make_tables();
    if (wants("T1")) {
        measure("T1", "C floor", record_spans, 4096);
        measure("T1", "C floor, its two clocks alone", read_clocks, 4096);
#if defined(__x86_64__)
        measure("T1", "C floor, with the cycle counter for a clock", record_spans_by_cycles, 4096);
#endif
    }
    if (wants("T4")) measure("T4", "C floor", propagate, 4096);
    if (wants("M1")) {
        measure("M1", "C floor", count, 8192);
        measure_contended("M1", "C floor, 2 threads", count);
    }
    if (wants("M2")) {
        measure("M2", "C floor", observe, 8192);
        measure_contended("M2", "C floor, 2 threads", observe);
    }
    if (wants("M3")) {
        memset(text, 'x', sizeof text);
        measure("M3", "C floor", copy, 1);
    }
    return 0;
}
