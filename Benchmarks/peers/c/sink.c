// An OTLP/HTTP trace receiver that answers 200 and counts: requests, bytes on the wire and spans (decoded far enough to
// count them, gzip included), so that a pipeline that loses spans is found out.
//
//   sink            listens on a free port of the loopback interface and prints it
//   GET /stats      answers {"requests":…,"bytes":…,"spans":…}
//
// One thread, one poll loop, HTTP/1.1 with Content-Length only: enough for exporters, and cheap beside them.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum { CONNECTIONS = 64 };

struct connection {
    char *data;
    size_t length, capacity;
    bool told_to_continue;
};

static struct pollfd sockets[1 + CONNECTIONS];
static struct connection connections[1 + CONNECTIONS];
static unsigned long long requests, bytes, spans;

static bool varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

// Spans are the fields 1.2.2: resource spans, scope spans, spans.
static unsigned long long count_spans(const uint8_t *at, const uint8_t *end, int level) {
    static const uint64_t wanted[3] = {1, 2, 2};
    unsigned long long count = 0;
    while (at < end) {
        uint64_t tag, value;
        if (!varint(&at, end, &tag)) break;
        switch (tag & 7) {
            case 0:
                if (!varint(&at, end, &value)) return count;
                break;
            case 1: at += 8; break;
            case 5: at += 4; break;
            case 2:
                if (!varint(&at, end, &value) || value > (uint64_t)(end - at)) return count;
                if (tag >> 3 == wanted[level]) count += level == 2 ? 1 : count_spans(at, at + value, level + 1);
                at += value;
                break;
            default: return count;
        }
    }
    return count;
}

static void take(uint8_t *body, size_t length, bool is_gzip) {
    static uint8_t *plain;
    static const size_t limit = 64 << 20;
    requests += 1;
    bytes += length;
    if (is_gzip) {
        if (!plain) plain = malloc(limit);
        z_stream stream = {.next_in = body, .avail_in = (uInt)length, .next_out = plain, .avail_out = (uInt)limit};
        if (inflateInit2(&stream, 15 + 16) != Z_OK) return;
        inflate(&stream, Z_FINISH);
        body = plain;
        length = stream.total_out;
        inflateEnd(&stream);
    }
    spans += count_spans(body, body + length, 0);
}

// The value of a header, or 0. The head ends with a zero byte.
static const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':') {
            const char *value = line + 3 + length;
            return value + strspn(value, " ");
        }
    }
    return 0;
}

static bool answer(int socket, const char *text) {
    size_t length = strlen(text);
    return write(socket, text, length) == (ssize_t)length;
}

// Handles the requests that have arrived in full. Returns whether the connection goes on.
static bool handle(int socket, struct connection *connection) {
    while (true) {
        connection->data[connection->length] = 0;
        char *end = memmem(connection->data, connection->length, "\r\n\r\n", 4);
        if (!end) return connection->length < 65536;
        size_t head = (size_t)(end - connection->data) + 4;
        char saved = *end;
        *end = 0;
        const char *length_text = header(connection->data, "content-length");
        const char *encoding = header(connection->data, "content-encoding");
        const char *expect = header(connection->data, "expect");
        size_t length = length_text ? strtoul(length_text, 0, 10) : 0;
        bool is_gzip = encoding && !strncasecmp(encoding, "gzip", 4), is_stats = !strncmp(connection->data, "GET", 3);
        bool is_expecting = expect && !strncasecmp(expect, "100", 3);
        *end = saved;
        if (connection->length < head + length) {
            if (is_expecting && !connection->told_to_continue) {
                connection->told_to_continue = true;
                return answer(socket, "HTTP/1.1 100 Continue\r\n\r\n");
            }
            return true;
        }
        connection->told_to_continue = false;
        if (is_stats) {
            char body[128], text[256];
            snprintf(body, sizeof body, "{\"requests\":%llu,\"bytes\":%llu,\"spans\":%llu}", requests, bytes, spans);
            snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
            if (!answer(socket, text)) return false;
        } else {
            if (!answer(socket,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")) {
                return false;
            }
            // After the answer: counting is no part of what the exporter waits for.
            take((uint8_t *)connection->data + head, length, is_gzip);
        }
        connection->length -= head + length;
        memmove(connection->data, connection->data + head + length, connection->length);
    }
}

static bool receive(int socket, struct connection *connection) {
    if (connection->capacity - connection->length < (1 << 16)) {
        connection->capacity = connection->capacity ? connection->capacity * 2 : 1 << 20;
        connection->data = realloc(connection->data, connection->capacity + 1);
        if (!connection->data) return false;
    }
    ssize_t length = read(socket, connection->data + connection->length, connection->capacity - connection->length);
    if (length <= 0) return false;
    connection->length += (size_t)length;
    return handle(socket, connection);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    // Whoever started it may be killed; it must not stay behind.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (int i = 0; i <= CONNECTIONS; i++) sockets[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    sockets[0].fd = listener;
    while (poll(sockets, 1 + CONNECTIONS, -1) > 0) {
        if (sockets[0].revents) {
            int socket = accept(listener, 0, 0), one = 1;
            int free = 1;
            while (free <= CONNECTIONS && sockets[free].fd >= 0) free++;
            if (free > CONNECTIONS) {
                close(socket);
            } else {
                setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                sockets[free].fd = socket;
                connections[free].length = 0;
            }
        }
        for (int i = 1; i <= CONNECTIONS; i++) {
            if (sockets[i].fd < 0 || !sockets[i].revents) continue;
            if (!receive(sockets[i].fd, &connections[i])) {
                close(sockets[i].fd);
                sockets[i].fd = -1;
            }
        }
    }
    return 0;
}
