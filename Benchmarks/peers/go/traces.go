package main

import (
	"context"
	"math/rand"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// What keeps the compiler from leaving work out.
var kept context.Context

// Takes batches and forgets them, but counts the spans.
type discard struct{ exported *int64 }

func (discard discard) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	atomic.AddInt64(discard.exported, int64(len(spans)))
	return nil
}

func (discard) Shutdown(context.Context) error { return nil }

// A span with three attributes at its start, child of a sampled parent in the context.
func spans(tracer trace.Tracer, parent context.Context) body {
	return func(operations int) {
		for i := 0; i < operations; i++ {
			_, span := tracer.Start(parent, "GET /orders/{id}",
				trace.WithSpanKind(trace.SpanKindServer),
				trace.WithAttributes(
					attribute.String("http.request.method", "GET"),
					attribute.String("http.route", "/orders/{id}"),
					attribute.Int("http.response.status_code", 200)))
			span.End()
		}
	}
}

func sampledSpans() {
	var ended, exported int64
	batched := sdk.NewTracerProvider(sdk.WithBatcher(discard{&exported}, sdk.WithBatchTimeout(time.Millisecond)))
	tracer := batched.Tracer("bench")
	parent, _ := tracer.Start(context.Background(), "parent")
	// Waits until everything was exported, so that no window meets a full queue, whose drops are cheap.
	drain := func() {
		for atomic.LoadInt64(&exported) < ended {
			time.Sleep(100 * time.Microsecond)
		}
	}
	run := spans(tracer, parent)
	measure("T1", "go, batch processor", 1024, drain, func(operations int) {
		run(operations)
		ended += int64(operations)
	})

	direct := sdk.NewTracerProvider().Tracer("bench")
	parent, _ = direct.Start(context.Background(), "parent")
	measure("T1", "go, no processor", 1024, nothing, spans(direct, parent))
}

func unsampledSpans() {
	tracer := sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample())).Tracer("bench")
	parent, _ := tracer.Start(context.Background(), "parent")
	measure("T3", "go", 4096, nothing, spans(tracer, parent))
}

// The SDK's own generator is private; this is what it does: math/rand behind a mutex.
type ids struct {
	sync.Mutex
	source *rand.Rand
}

func (ids *ids) next() (traceID trace.TraceID, spanID trace.SpanID) {
	ids.Lock()
	defer ids.Unlock()
	ids.source.Read(traceID[:])
	ids.source.Read(spanID[:])
	return
}

// The cheapest carrier: a map whose keys are what they are.
type carrier map[string]string

func (carrier carrier) Get(key string) string { return carrier[key] }
func (carrier carrier) Set(key, value string) { carrier[key] = value }
func (carrier carrier) Keys() []string        { return nil }

func propagating() {
	generator := &ids{source: rand.New(rand.NewSource(1))}
	format := propagation.TraceContext{}
	measure("T4", "go", 4096, nothing, func(operations int) {
		for i := 0; i < operations; i++ {
			traceID, spanID := generator.next()
			span := trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled,
			})
			headers := carrier{}
			format.Inject(trace.ContextWithSpanContext(context.Background(), span), headers)
			kept = format.Extract(context.Background(), headers)
		}
	})
}
