// Rows N1-N4 with libnats, in the way of its own examples: js_PublishAsync with a window, js_Subscribe with a callback.
//
//   nats URL stream JSON                                   makes the stream BENCH anew
//   nats URL publish COUNT WINDOW plain|headers            asynchronous publishing of 256 bytes
//   nats URL consume COUNT WINDOW                          a push consumer's callback with explicit acknowledgement
//   nats URL latency COUNT asap|default                    publish to callback at 1000 messages a second
//
// SendAsap is set, which libnats needs to be quick, except for `latency … default`. A run is one line of JSON; whatever
// is not stored or does not arrive ends the program with an error.
#include <nats/nats.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cbench.h"

enum { PAYLOAD = 256, MOST_LATENCIES = 1000000 };

static const char *stream = "BENCH", *subject = "bench.event";
static const char *trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static void check(natsStatus status, const char *what) {
    if (status == NATS_OK) return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static atomic_int failures;

static void failed(jsCtx *js, jsPubAckErr *error, void *closure) {
    (void)js, (void)error, (void)closure;
    atomic_fetch_add(&failures, 1);
}

static natsConnection *connect_to(const char *url, bool asap) {
    natsOptions *options;
    natsConnection *connection;
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url), "URL");
    check(natsOptions_SetSendAsap(options, asap), "SendAsap");
    check(natsConnection_Connect(&connection, options), "connecting");
    return connection;
}

static jsCtx *jet_stream(natsConnection *connection, long window) {
    jsOptions options;
    jsCtx *js;
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = window;
    options.PublishAsync.StallWait = 60000;
    options.PublishAsync.ErrHandler = failed;
    check(natsConnection_JetStream(&js, connection, &options), "JetStream");
    return js;
}

static void report(uint64_t begin, long count) {
    printf("{\"seconds\":%.6f,\"count\":%ld}\n", (double)(bench_now() - begin) / 1e9, count);
}

// MARK: The stream

static void make_stream(natsConnection *connection, const char *json) {
    natsMsg *answer;
    check(natsConnection_RequestString(&answer, connection, "$JS.API.STREAM.DELETE.BENCH", "", 60000), "deleting");
    natsMsg_Destroy(answer);
    check(natsConnection_RequestString(&answer, connection, "$JS.API.STREAM.CREATE.BENCH", json, 60000), "creating");
    if (strstr(natsMsg_GetData(answer), "\"error\"")) {
        fprintf(stderr, "%s\n", natsMsg_GetData(answer));
        exit(1);
    }
    natsMsg_Destroy(answer);
}

// MARK: Publishing

static void publish(natsConnection *connection, long count, long window, bool has_headers) {
    jsCtx *js = jet_stream(connection, window);
    char payload[PAYLOAD], id[64];
    memset(payload, 'x', sizeof payload);
    unsigned long base = (unsigned long)bench_now() % 1000000000000ul;
    uint64_t begin = bench_now();
    for (long i = 0; i < count; i++) {
        if (!has_headers) {
            check(js_PublishAsync(js, subject, payload, PAYLOAD, NULL), "publishing");
            continue;
        }
        natsMsg *message;
        check(natsMsg_Create(&message, subject, NULL, payload, PAYLOAD), "a message");
        check(natsMsgHeader_Set(message, "traceparent", trace_parent), "a header");
        snprintf(id, sizeof id, "%lu-0123456789-%ld", base, i);
        check(natsMsgHeader_Set(message, "Nats-Msg-Id", id), "a header");
        check(js_PublishMsgAsync(js, &message, NULL), "publishing");
    }
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = 60000;
    check(js_PublishAsyncComplete(js, &options), "waiting for the acknowledgements");
    if (atomic_load(&failures)) {
        fprintf(stderr, "%d messages were not stored\n", atomic_load(&failures));
        exit(1);
    }
    report(begin, count);
}

// MARK: Consuming

static atomic_long seen;

static natsSubscription *subscribe(jsCtx *js, natsMsgHandler handler, long window) {
    jsErrCode code;
    jsSubOptions options;
    natsSubscription *subscription;
    jsSubOptions_Init(&options);
    options.ManualAck = true;
    options.Stream = stream;
    options.Config.AckPolicy = js_AckExplicit;
    options.Config.MaxAckPending = window;
    check(js_Subscribe(&subscription, js, subject, handler, NULL, NULL, &options, &code), "subscribing");
    return subscription;
}

static void on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure) {
    (void)connection, (void)subscription, (void)closure;
    natsMsg_Ack(message, NULL);
    natsMsg_Destroy(message);
    atomic_fetch_add(&seen, 1);
}

static void consume(natsConnection *connection, long count, long window) {
    uint64_t begin = bench_now();
    subscribe(jet_stream(connection, window), on_message, window);
    while (atomic_load(&seen) < count) nats_Sleep(1);
    // The acknowledgements have reached the server.
    check(natsConnection_FlushTimeout(connection, 30000), "flushing");
    report(begin, count);
}

// MARK: Latency

static double latencies[MOST_LATENCIES];

static void on_timed(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure) {
    (void)connection, (void)subscription, (void)closure;
    uint64_t sent, now = bench_now();
    memcpy(&sent, natsMsg_GetData(message), sizeof sent);
    long index = atomic_load(&seen);
    if (index < MOST_LATENCIES) latencies[index] = (double)(now - sent) / 1e3;
    natsMsg_Ack(message, NULL);
    natsMsg_Destroy(message);
    atomic_store(&seen, index + 1);
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void measure_latency(const char *url, long count, bool asap) {
    if (count > MOST_LATENCIES) count = MOST_LATENCIES;
    jsCtx *publishing = jet_stream(connect_to(url, asap), 512);
    subscribe(jet_stream(connect_to(url, asap), 512), on_timed, 1000);
    char payload[PAYLOAD];
    memset(payload, 'x', sizeof payload);
    uint64_t begin = bench_now();
    for (long i = 0; i < count; i++) {
        uint64_t now;
        while ((now = bench_now()) < begin + (uint64_t)i * 1000000u) usleep(100);
        memcpy(payload, &now, sizeof now);
        check(js_PublishAsync(publishing, subject, payload, PAYLOAD, NULL), "publishing");
    }
    for (int wait = 0; atomic_load(&seen) < count; wait++) {
        if (wait > 10000) exit(1);
        nats_Sleep(1);
    }
    // The first messages find cold caches.
    double *sorted = latencies + count / 10;
    long left = count - count / 10;
    qsort(sorted, (size_t)left, sizeof *sorted, compare);
    printf("{\"p50_us\":%.3f,\"p99_us\":%.3f,\"count\":%ld}\n", sorted[left / 2], sorted[left * 99 / 100], left);
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    const char *url = arguments[1], *role = arguments[2];
    long messages = atol(arguments[3]), window = count > 4 ? atol(arguments[4]) : 0;
    if (!strcmp(role, "stream")) {
        make_stream(connect_to(url, true), arguments[3]);
    } else if (!strcmp(role, "publish") && count == 6) {
        publish(connect_to(url, true), messages, window, !strcmp(arguments[5], "headers"));
    } else if (!strcmp(role, "consume") && count == 5) {
        consume(connect_to(url, true), messages, window);
    } else if (!strcmp(role, "latency") && count == 5) {
        measure_latency(url, messages, !strcmp(arguments[4], "asap"));
    } else {
        return 2;
    }
    fflush(stdout);
    // The threads of libnats are not worth an orderly end.
    _exit(0);
}
