# Everything here is a short form of a script or a swift command; `make` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
ARGS ?=

# dev/setup puts nats-server and Prometheus here when the machine has none.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.PHONY: help setup build demo up test test-long check check-ops dashboards previews fuzz sanitize bench format generate signals clean-data

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo; echo "  ARGS='…' passes arguments on, as in: make test ARGS='--filter JetStream'"

setup: ## install what is missing to build and run (dev/setup)
	@dev/setup

build: setup ## build the services and the contrail command
	swift build $(ARGS)

demo: setup ## run the whole stack, show one order from end to end, and stop it
	swift build
	@exec .build/debug/contrail demo $(ARGS)

up: setup ## run the whole stack until Ctrl-C
	swift build
	@exec .build/debug/contrail up $(ARGS)

# One test at a time: most run servers, and two cores that are shared by all of them would test patience.
test: ## install what the tests need, and run them
	@dev/setup --tests
	swift test --no-parallel $(ARGS)

# What takes minutes, so that it runs before a release and not with every change.
test-long: sanitize ## run for minutes what make test runs for seconds; sanitizers and mutants too
	CONTRAIL_LONG_TESTS=1 swift test --no-parallel --filter 'SpanLedgerTests|ResilienceTests|CallDeadlineTests|BrokerChaosTests|BlackHoleTests|MessagingTracingTests|JetStreamTests' $(ARGS)
	@dev/mutate

fuzz: setup ## fuzz each parser for 60 s; ARGS='--ci' for a few seconds, ARGS='baggage --seconds 600' for one
	@dev/fuzz $(ARGS)

sanitize: ## run the tests with ThreadSanitizer and with AddressSanitizer (dev/sanitize --help)
	@dev/setup --tests
	@dev/sanitize thread
	@dev/sanitize address

check: ## format, scripts, architecture, conformance, generated code: what CI checks beside the tests
	@dev/check

check-ops: ## check dashboards, rules, manifests and containers; ARGS='rules' for one part, ARGS=--without-build for no Swift
	@dev/setup --ops
	$(if $(findstring --without-build,$(ARGS)),,swift build)
	@dev/check-ops $(ARGS)

dashboards: ## write the dashboards' JSON from observability/grafana/source
	@dev/dashboards

previews: ## draw the dashboards with data of the running stack, into docs/images (dev/preview-dashboards --help)
	@dev/setup --ops --preview
	swift build
	@dev/preview-dashboards $(ARGS)

bench: setup ## measure against the peers, and write docs/performance.md (dev/bench --help)
	@dev/bench $(ARGS)

format: ## format the Swift sources in place
	swift format --in-place --recursive --parallel $(wildcard Sources Tests Benchmarks Fuzz/Sources Fuzz/Package.swift Package.swift)

generate: ## generate the code of Protos/ (dev/generate)
	@dev/generate

signals: ## write the catalogue of signals: observability/signals.md and signals.json
	swift build --product contrail
	@mkdir -p observability
	@.build/debug/contrail signals > observability/signals.md
	@.build/debug/contrail signals --json > observability/signals.json

clean-data: ## remove the data of the local stack
	@dev/clean-data
