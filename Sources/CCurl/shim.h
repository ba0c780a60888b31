#ifndef CONTRAIL_CCURL_SHIM_H
#define CONTRAIL_CCURL_SHIM_H

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#if LIBCURL_VERSION_NUM < 0x074400
#error "libcurl 7.68 or newer is needed: curl_multi_wakeup is what makes a transfer end promptly"
#endif

// `curl_easy_setopt`, `curl_easy_getinfo` and `curl_multi_setopt` are variadic, which Swift does not import, and libcurl
// reads the argument as the type that the option's number says. One wrapper for each argument type keeps that right.

static inline CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

/// For byte counts: `curl_off_t` is wider than `long` on some systems.
static inline CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

/// libcurl copies the text, except for `CURLOPT_POSTFIELDS`: see `ccurl_set_body`.
static inline CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

/// The list is not copied: it must live until the transfer has ended.
static inline CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

/// Sets the body of a POST. The bytes are not copied: they must live until the transfer has ended.
static inline CURLcode ccurl_set_body(CURL *handle, const void *bytes, curl_off_t count) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_POST, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, count);
    if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_POSTFIELDS, bytes);
    return code;
}

/// The signature that libcurl wants of read, write and header callbacks.
typedef size_t (*ccurl_data_function)(char *bytes, size_t size, size_t count, void *context);

/// Sets a callback for received bytes and its context; a pair that must not be torn apart.
static inline CURLcode ccurl_set_writer(CURL *handle, ccurl_data_function function, void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, function);
    return code == CURLE_OK ? curl_easy_setopt(handle, CURLOPT_WRITEDATA, context) : code;
}

/// Sets a callback for header lines and its context.
static inline CURLcode ccurl_set_header_writer(CURL *handle, ccurl_data_function function, void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, function);
    return code == CURLE_OK ? curl_easy_setopt(handle, CURLOPT_HEADERDATA, context) : code;
}

/// Sets a callback that supplies bytes to send, and its context.
static inline CURLcode ccurl_set_reader(CURL *handle, ccurl_data_function function, void *context) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_READFUNCTION, function);
    return code == CURLE_OK ? curl_easy_setopt(handle, CURLOPT_READDATA, context) : code;
}

/// Allows HTTP and HTTPS only, also after a redirect. The options changed type in 7.85 and the old ones are deprecated.
static inline CURLcode ccurl_allow_http(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
    CURLcode code = curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    return code == CURLE_OK ? curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") : code;
#else
    CURLcode code = curl_easy_setopt(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    return code == CURLE_OK
        ? curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) : code;
#endif
}

/// Allows SMTP and SMTPS only.
static inline CURLcode ccurl_allow_smtp(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#else
    return curl_easy_setopt(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_SMTP | CURLPROTO_SMTPS));
#endif
}

// The environment's proxy is for other hosts: whatever it says, this host is asked directly. A function because curl
// replaces its own reading of no_proxy by what is set.
static inline CURLcode ccurl_bypass_proxy_here(CURL *handle) {
    const char *others = getenv("no_proxy");
    if (others == NULL) others = getenv("NO_PROXY");
    char hosts[4096];
    int length = snprintf(hosts, sizeof hosts, "localhost,127.0.0.1,::1%s%s", others ? "," : "", others ? others : "");
    if (length < 0 || (size_t)length >= sizeof hosts) return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(handle, CURLOPT_NOPROXY, hosts);
}

/// Sets what every handle of ours wants: no signals (libcurl's default time-out of the resolver is SIGALRM, which is
/// not for programs with threads), and no waiting for the resolver's thread when a transfer is abandoned.
static inline CURLcode ccurl_set_threaded(CURL *handle) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
#endif
    return code;
}

static inline CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode ccurl_get_offset(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}

/// The text belongs to the handle and may be NULL.
static inline CURLcode ccurl_get_string(CURL *handle, CURLINFO info, const char **value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// Takes the next ended transfer off a multi handle. `CURLMsg` holds its result in a union with a pointer; this reads
/// the member that belongs to the only kind of message there is.
static inline CURL *ccurl_multi_next_done(CURLM *multi, CURLcode *result) {
    int waiting = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &waiting)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

/// `curl_global_init` with everything: the flags are macros with casts, which Swift does not import.
static inline CURLcode ccurl_global_init(void) {
    return curl_global_init(CURL_GLOBAL_ALL);
}

#endif
