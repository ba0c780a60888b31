package main

import (
	"bytes"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

func counters() {
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "bench_events_total", Help: "Events."})
	increment := func(operations int) {
		for i := 0; i < operations; i++ {
			counter.Inc()
		}
	}
	measure("M1", "client_golang", 8192, nothing, increment)
	measureContended("M1", "client_golang, 2 threads", increment)
	family := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "bench_requests_total", Help: "Requests."}, []string{"method", "status"})
	measure("M1", "client_golang, with a look-up of 2 labels", 2048, nothing, func(operations int) {
		for i := 0; i < operations; i++ {
			family.WithLabelValues("GET", "200").Inc()
		}
	})
}

func histograms() {
	// The default buckets are the eleven bounds that all peers use.
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "bench_duration_seconds", Help: "Durations.", Buckets: prometheus.DefBuckets,
	})
	observe := func(operations int) {
		for i := 0; i < operations; i++ {
			histogram.Observe(0.12)
		}
	}
	measure("M2", "client_golang", 8192, nothing, observe)
	measureContended("M2", "client_golang, 2 threads", observe)
}

func scrapes() {
	registry := prometheus.NewRegistry()
	family := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "bench_requests_total", Help: "Requests."}, []string{"method", "path"})
	registry.MustRegister(family)
	for i := 0; i < 10000; i++ {
		method := "GET"
		if i%2 == 1 {
			method = "POST"
		}
		family.WithLabelValues(method, fmt.Sprintf("/orders/%d", i)).Add(float64(i * 977))
	}
	var text bytes.Buffer
	measure("M3", "client_golang", 1, nothing, func(operations int) {
		for i := 0; i < operations; i++ {
			text.Reset()
			families, err := registry.Gather()
			if err != nil {
				panic(err)
			}
			encoder := expfmt.NewEncoder(&text, expfmt.FmtText)
			for _, family := range families {
				if err := encoder.Encode(family); err != nil {
					panic(err)
				}
			}
		}
	})
	fmt.Printf("{\"row\":\"M3\",\"name\":\"client_golang, size\",\"bytes\":%d}\n", text.Len())
}
