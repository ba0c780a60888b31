// Counts allocations exactly, in a library for LD_PRELOAD: every function of the C library that returns new memory,
// called by the program or by a library. A realloc counts as one, free counts nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// glibc's own names, so that nothing has to be looked up (and allocated) first.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread uint64_t of_thread __attribute__((tls_model("initial-exec")));
static _Atomic uint64_t of_process;

static void count(void) {
    of_thread += 1;
    atomic_fetch_add_explicit(&of_process, 1, memory_order_relaxed);
}

uint64_t malloc_count_thread(void) { return of_thread; }
uint64_t malloc_count_process(void) { return of_process; }

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count();
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count();
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}
