#ifndef CONTRAIL_CLIBPQ_SHIM_H
#define CONTRAIL_CLIBPQ_SHIM_H

#include <libpq-fe.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef LIBPQ_HAS_PIPELINING
#error "libpq 14 or newer is needed: statements and their BEGIN travel in one round trip by pipeline mode"
#endif

// The field codes of PQresultErrorField are character constants in macros, which Swift imports as Int32 or not at all,
// depending on the version. These give them one type.

static const int clibpq_diag_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int clibpq_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int clibpq_diag_message = PG_DIAG_MESSAGE_PRIMARY;
static const int clibpq_diag_detail = PG_DIAG_MESSAGE_DETAIL;
static const int clibpq_diag_hint = PG_DIAG_MESSAGE_HINT;
static const int clibpq_diag_constraint = PG_DIAG_CONSTRAINT_NAME;
static const int clibpq_diag_table = PG_DIAG_TABLE_NAME;
static const int clibpq_diag_function = PG_DIAG_SOURCE_FUNCTION;

static inline void clibpq_ignore_notice(void *context, const PGresult *notice) {
    (void)context;
    (void)notice;
}

/// Silences notices: libpq prints them to standard error otherwise, and they may quote data.
static inline void clibpq_silence_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, clibpq_ignore_notice, NULL);
}

// Waiting for the sockets of libpq. Swift's Glibc module has neither epoll nor eventfd, and `struct epoll_event` is
// packed and holds a union, so these wrappers speak in plain integers.

/// What a socket is ready for.
struct clibpq_event {
    uint64_t id;
    int is_readable;
    int is_writable;
};

static inline int clibpq_poller_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

static inline int clibpq_signal_create(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static inline void clibpq_signal_send(int signal) {
    (void)eventfd_write(signal, 1);
}

static inline void clibpq_signal_clear(int signal) {
    eventfd_t value;
    (void)eventfd_read(signal, &value);
}

/// Starts to watch a socket, or changes what it is watched for. A closed socket leaves the set by itself, and libpq may
/// open another one under the same number while it connects: hence the second attempt.
static inline int clibpq_poller_watch(int poller, int socket, uint64_t id, int read, int write) {
    struct epoll_event event = {.events = (read ? EPOLLIN | EPOLLRDHUP : 0u) | (write ? EPOLLOUT : 0u), .data.u64 = id};
    int result = epoll_ctl(poller, EPOLL_CTL_MOD, socket, &event);
    return result == 0 ? 0 : epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event);
}

/// Waits; a failed or closed socket counts as readable, because reading is what tells libpq.
static inline int clibpq_poller_wait(int poller, struct clibpq_event *events, int limit, int milliseconds) {
    struct epoll_event ready[64];
    int count = epoll_wait(poller, ready, limit < 64 ? limit : 64, milliseconds);
    for (int i = 0; i < count; i++) {
        events[i].id = ready[i].data.u64;
        events[i].is_readable = (ready[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        events[i].is_writable = (ready[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    }
    return count;
}

#endif
