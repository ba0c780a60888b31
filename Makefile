# Everything here is a short form of a script or a swift command; `make` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
ARGS ?=

# dev/setup puts nats-server and Prometheus here when the machine has none.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.PHONY: help setup build demo up test check bench format generate signals clean-data

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

check: ## format, scripts, architecture, generated code: what CI checks beside the tests
	@dev/check

bench: setup ## measure against the peers, and write docs/performance.md (dev/bench --help)
	@dev/bench $(ARGS)

format: ## format the Swift sources in place
	swift format --in-place --recursive --parallel $(wildcard Sources Tests Benchmarks Package.swift)

generate: ## generate the code of Protos/ (dev/generate)
	@dev/generate

signals: ## write the catalogue of signals: observability/signals.md and signals.json
	swift build --product contrail
	@mkdir -p observability
	@.build/debug/contrail signals > observability/signals.md
	@.build/debug/contrail signals --json > observability/signals.json

clean-data: ## remove the data of the local stack
	@dev/clean-data
