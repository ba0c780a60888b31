// Row T5 with protobuf-c: the 512 spans of BatchOfSpans.swift, built as messages in reused memory and packed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cbench.h"
#include "trace.pb-c.h"

enum { SPANS = 512, ATTRIBUTES = 5 };

typedef Contrail__Otlp__V1__KeyValue Pair;
typedef Contrail__Otlp__V1__AnyValue Value;

static Contrail__Otlp__V1__Span spans[SPANS];
static Contrail__Otlp__V1__Span *span_list[SPANS];
static Pair pairs[SPANS][ATTRIBUTES], resource_pairs[3];
static Pair *pair_lists[SPANS][ATTRIBUTES], *resource_list[3];
static Value values[SPANS][ATTRIBUTES], resource_values[3];
static char paths[SPANS][32];
static uint8_t trace_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, parent_id[8] = {1};
static uint64_t span_ids[SPANS];
static uint8_t output[1 << 20];

static void set_text(Pair *pair, Value *value, char *key, char *text) {
    contrail__otlp__v1__key_value__init(pair);
    contrail__otlp__v1__any_value__init(value);
    pair->key = key;
    pair->value = value;
    value->value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_STRING_VALUE;
    value->string_value = text;
}

static size_t encode(void) {
    for (int i = 0; i < SPANS; i++) {
        Contrail__Otlp__V1__Span *span = &spans[i];
        contrail__otlp__v1__span__init(span);
        span->trace_id = (ProtobufCBinaryData){16, trace_id};
        span->span_id = (ProtobufCBinaryData){8, (uint8_t *)&span_ids[i]};
        span->parent_span_id = (ProtobufCBinaryData){8, parent_id};
        span->name = "GET /orders/{id}";
        span->kind = CONTRAIL__OTLP__V1__SPAN_KIND__SPAN_KIND_SERVER;
        span->start_time_unix_nano = 1790000000000000000u + (uint64_t)i;
        span->end_time_unix_nano = 1790000000001000000u + (uint64_t)i;
        span->flags = 0x103;
        Pair *pair = pairs[i];
        Value *value = values[i];
        set_text(pair, value, "http.request.method", "GET");
        set_text(pair + 1, value + 1, "http.route", "/orders/{id}");
        set_text(pair + 2, value + 2, "http.response.status_code", 0);
        value[2].value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_INT_VALUE;
        value[2].int_value = 200;
        set_text(pair + 3, value + 3, "server.address", "orders");
        set_text(pair + 4, value + 4, "url.path", paths[i]);
        for (int j = 0; j < ATTRIBUTES; j++) pair_lists[i][j] = &pair[j];
        span->n_attributes = ATTRIBUTES;
        span->attributes = pair_lists[i];
        span_list[i] = span;
    }
    set_text(resource_pairs, resource_values, "service.name", "bench");
    set_text(resource_pairs + 1, resource_values + 1, "service.version", "1");
    set_text(resource_pairs + 2, resource_values + 2, "service.instance.id", "1");
    for (int j = 0; j < 3; j++) resource_list[j] = &resource_pairs[j];

    Contrail__Otlp__V1__InstrumentationScope scope;
    contrail__otlp__v1__instrumentation_scope__init(&scope);
    scope.name = "bench";
    Contrail__Otlp__V1__ScopeSpans scope_spans, *scope_list = &scope_spans;
    contrail__otlp__v1__scope_spans__init(&scope_spans);
    scope_spans.scope = &scope;
    scope_spans.n_spans = SPANS;
    scope_spans.spans = span_list;
    scope_spans.schema_url = "https://opentelemetry.io/schemas/1.44.0";
    Contrail__Otlp__V1__Resource resource;
    contrail__otlp__v1__resource__init(&resource);
    resource.n_attributes = 3;
    resource.attributes = resource_list;
    Contrail__Otlp__V1__ResourceSpans resource_spans, *resource_spans_list = &resource_spans;
    contrail__otlp__v1__resource_spans__init(&resource_spans);
    resource_spans.resource = &resource;
    resource_spans.n_scope_spans = 1;
    resource_spans.scope_spans = &scope_list;
    Contrail__Otlp__V1__ExportTraceServiceRequest request;
    contrail__otlp__v1__export_trace_service_request__init(&request);
    request.n_resource_spans = 1;
    request.resource_spans = &resource_spans_list;
    size_t size = contrail__otlp__v1__export_trace_service_request__get_packed_size(&request);
    if (size > sizeof output) return 0;
    size = contrail__otlp__v1__export_trace_service_request__pack(&request, output);
    bench_escape(output);
    return size;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

int main(int count, char **arguments) {
    long repeats = count > 2 && !strcmp(arguments[1], "--repeats") ? strtol(arguments[2], 0, 10) : 400;
    if (repeats < 1) repeats = 1;
    for (int i = 0; i < SPANS; i++) {
        snprintf(paths[i], sizeof paths[i], "/orders/%d", 100000 + i);
        span_ids[i] = 0x9E3779B97F4A7C15u * (uint64_t)(i + 1);
    }
    double *results = calloc((size_t)repeats, sizeof *results);
    size_t size = encode();
    for (long i = 0; i < repeats; i++) {
        uint64_t begin = bench_now();
        encode();
        results[i] = (double)(bench_now() - begin) / SPANS;
    }
    qsort(results, (size_t)repeats, sizeof *results, compare);
    printf("{\"row\":\"T5\",\"name\":\"protobuf-c\",\"ns\":%.3f,\"p10\":%.3f,\"windows\":%ld}\n", results[0],
           results[repeats / 10], repeats);
    printf("{\"row\":\"T5\",\"name\":\"protobuf-c, size\",\"bytes\":%.2f}\n", (double)size / SPANS);
    free(results);
    return 0;
}
