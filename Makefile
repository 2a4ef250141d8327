# Ringback's commands. People and CI use the same ones: `make help` lists them.
#
#   ARGS="..."   goes to the program a target runs: make run ARGS=--help, make test-unit ARGS=glare

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # the steps of `make test` are ordered, the cheap ones first

# What scripts/setup installs; /usr/sbin is where Debian keeps haproxy.
export PATH := $(PATH):/usr/sbin:$(CURDIR)/.run/tools/bin
export MAKE_STARTED := $(or $(MAKE_STARTED),$(shell date +%s))
ifdef CI
export NEXTEST_PROFILE ?= ci
endif

SETUP := scripts/setup
STEP := scripts/step
DIST := clients/web/dist
ARGS ?=
SIM_SEEDS ?= 1000

##@ Run

# The dev profile: a newcomer waits for the compiler, not for the gateway, and the tests build the same.
.PHONY: run
run: ## Start one gateway with the demo page; it needs no Redis
	@$(SETUP) cargo
	@if $(SETUP) node; then \
	  $(MAKE) --no-print-directory web; \
	else \
	  echo "Going on without the demo page."; mkdir -p $(DIST); \
	fi
	cargo run --package ringback-gateway -- --dev $(ARGS)

.PHONY: cluster
cluster: build ## Start three gateways on Redis behind HAProxy (REDIS=cluster: on a Redis Cluster)
	@$(SETUP) redis haproxy
	@scripts/cluster

.PHONY: stack
stack: build ## Start the whole stack as plain processes: gateways, Redis, HAProxy, TURN, Prometheus, a collector
	@$(SETUP) redis haproxy coturn prometheus rotel
	@scripts/stack

.PHONY: build
build: web ## Build the gateway with its demo page
	@$(SETUP) cargo
	@$(STEP) "build the gateway" cargo build --package ringback-gateway

# PROFILE=dev compiles them in a fraction of the time; TAG=v1.2.3 names them.
.PHONY: images
images: ## Build the container images of the gateway and the load tool
	@$(STEP) "images" scripts/images

##@ Test

# What `make test` does, in this order.
TEST_STEPS := setup fmt-check docs-check deny test-web web test-watch-only clippy test-unit-only test-doc build test-autobahn-only test-chart-only test-sim-only test-load-only test-e2e-only test-stack-only test-upgrade-only test-chaos-only test-containers-only test-browser-only

.PHONY: test
test: $(TEST_STEPS) ## Everything: set-up, lints, unit, web, simulated, end-to-end, chaos and browser tests
	@echo && echo "==> all passed in $$(($$(date +%s) - MAKE_STARTED)) s"

.PHONY: lint
lint: fmt-check docs-check deny clippy ## Formatting, worked examples, licences and sources of dependencies, clippy

.PHONY: test-unit
test-unit: web test-unit-only test-doc ## Unit, integration and doc tests of the crates (they start their own Redis)

.PHONY: test-e2e
test-e2e: build test-e2e-only ## Stories over gateway processes and Redis

# CHAOS_SECONDS=30 breaks things for longer, CHAOS_SCENARIOS="gateway redis-cut" picks, CHAOS_SEED repeats.
.PHONY: chaos
chaos: build ## Break gateways, Redis and networks under load: docs/chaos.md
	@$(SETUP) redis
	@$(STEP) "chaos" cargo run --package ringback-tests --bin ringback-chaos

.PHONY: stack-check
stack-check: build test-stack-only ## Start the whole stack, and see that all that is drawn of it has data

.PHONY: upgrade-check
upgrade-check: build test-upgrade-only ## Have an old and a new gateway serve calls together, on one Redis

SEEDS ?= 10000
.PHONY: sim
sim: ## Simulate whole clusters on virtual time, SEEDS=10000 of them (ARGS="--seed 7" for one)
	@$(SETUP) cargo
	@$(STEP) "simulator" cargo run --release --package ringback-sim -- --seeds $(SEEDS) $(ARGS)

.PHONY: test-sim
test-sim: test-sim-only ## Simulate some clusters, and some with a rule taken out, each of which has to be noticed

# FUZZ_SECONDS=600 for longer, FUZZ_RUNS=1000000 by inputs instead, FUZZ_TARGETS="json session" picks.
.PHONY: fuzz
fuzz: ## Look for frames, records and scripts that break what reads them: docs/fuzzing.md
	@$(SETUP) cargo fuzz
	@$(STEP) "fuzzing" scripts/fuzz $(FUZZ_TARGETS)

.PHONY: fuzz-keep
fuzz-keep: ## Keep in fuzz/corpus what `make fuzz` has found of use
	@$(SETUP) cargo fuzz
	@$(STEP) "fuzzing: what is kept" scripts/fuzz keep $(FUZZ_TARGETS)

.PHONY: autobahn
autobahn: test-autobahn-only ## The Autobahn WebSocket suite against the gateway's WebSockets

.PHONY: chart-check
chart-check: build test-chart-only ## Render the Helm chart with Helm 3 and 4, and check what comes of it

.PHONY: compose-check
compose-check: build test-containers-only ## Build the images, bring docker-compose.yml up, and end gateways during calls

.PHONY: test-browser
test-browser: build test-browser-only ## Real calls in Chromium and Firefox

.PHONY: test-web
test-web: clients/web/node_modules/.package-lock.json ## Unit tests of the web client
	@$(STEP) "web client: tests" -C clients/web npm test

.PHONY: bench
bench: bench-count bench-time ## All benchmarks; docs/benchmarks.md says how to read them

.PHONY: bench-count
bench-count: ## Count the instructions of the call rules and the wire formats
	@$(SETUP) cargo valgrind
	@$(STEP) "instructions" scripts/count-instructions

.PHONY: bench-call
bench-call: load-build ## Count the instructions that a gateway takes for one call, by whose they are
	@$(SETUP) valgrind
	@$(STEP) "instructions of a call" scripts/count-call $(ARGS)

.PHONY: flame
flame: load-build ## Draw where a gateway's CPU goes during calls, as a flame graph: target/flame/gateway.svg
	@$(SETUP) perf flamegraph
	@ulimit -S -n "$$(ulimit -H -n)" && $(STEP) "flame graph" scripts/flame

.PHONY: bench-telemetry
bench-telemetry: ## Measure what metrics, the timeline and traces add to the CPU of a call
	@$(SETUP) cargo redis rotel
	@$(STEP) "build for distribution" cargo build --profile dist --package ringback-gateway --package ringback-tests --bins
	@RINGBACK_GATEWAY=target/dist/ringback-gateway $(STEP) "cost of telemetry" target/dist/ringback-telemetry-cost

# What is measured is what is shipped.
.PHONY: load-build
load-build: | $(DIST)
	@$(SETUP) cargo redis
	@$(STEP) "build for distribution" cargo build --profile dist --package ringback-gateway --package ringback-loadtest

SCENARIO ?= smoke
.PHONY: load
load: load-build ## Run a load test on gateways of its own, SCENARIO=steady for another: docs/load.md
	@ulimit -S -n "$$(ulimit -H -n)" && $(STEP) "load test: $(SCENARIO)" scripts/load $(SCENARIO) $(ARGS)

.PHONY: load-compare
load-compare: load-build ## Compare a call's CPU and set-up time with those of the least relay possible
	@ulimit -S -n "$$(ulimit -H -n)" && $(STEP) "compare with the floor" target/dist/ringback-loadtest compare $(ARGS)

.PHONY: load-scale
load-scale: load-build ## Compare what a call costs in clusters of several sizes
	@ulimit -S -n "$$(ulimit -H -n)" && $(STEP) "sizes of a cluster" target/dist/ringback-loadtest scale $(ARGS)

.PHONY: bench-time
bench-time: ## Time the call rules, the wire formats and the Redis store
	@$(SETUP) cargo redis
	@$(STEP) "times" cargo bench \
	  --package ringback-call --package ringback-wire --package ringback-store-redis --bench '*' -- $(ARGS)

.PHONY: fmt-check docs-check deny clippy test-watch-only test-chart-only test-unit-only test-fuzz-only test-doc test-autobahn-only test-sim-only test-load-only test-e2e-only test-stack-only test-upgrade-only test-chaos-only test-containers-only test-browser-only

fmt-check:
	@$(SETUP) cargo
	@$(STEP) "formatting" cargo fmt --all --check

# That what docs/capacity.md works out is what its table gives.
# And that what is in two places is the same in both: the chart's copies, the version, the forge's commands.
docs-check:
	@$(STEP) "worked examples" scripts/capacity --check
	@$(STEP) "copies in the chart" scripts/chart --check
	@$(STEP) "versions" scripts/release check
	@$(STEP) "workflows" scripts/check-workflows

deny:
	@$(SETUP) cargo deny
	@$(STEP) "fetch dependencies" cargo fetch --locked
	@$(STEP) "licences, bans and sources" cargo-deny --offline check --hide-inclusion-graph licenses bans sources

clippy: | $(DIST)
	@$(SETUP) cargo
	@$(STEP) "clippy" cargo clippy --workspace --all-targets -- -D warnings

test-unit-only: | $(DIST)
	@$(SETUP) cargo redis nextest
	@$(STEP) "unit and integration tests" cargo nextest run --workspace --exclude ringback-tests --exclude ringback-loadtest $(ARGS)

# `test-unit-only` does it too: it takes less than a second.
test-fuzz-only:
	@$(SETUP) cargo
	@$(STEP) "kept inputs of fuzzing" cargo test --package ringback-fuzz-checks

test-doc: | $(DIST)
	@$(STEP) "doc tests" cargo test --workspace --exclude ringback-tests --doc

# One of them opens ten thousand sockets.
# Each seed is the same on every machine: what is quiet once is quiet always.
test-sim-only:
	@$(SETUP) cargo
	@$(STEP) "build the simulator" cargo build --release --package ringback-sim
	@$(STEP) "simulator" cargo run --release --package ringback-sim -- --seeds $(SIM_SEEDS) --kept
	@$(STEP) "simulator, rules taken out" cargo run --release --package ringback-sim -- --mutants --seeds 300

# What is shipped to watch a cluster with. That its expressions have data, the end-to-end tests show.
test-watch-only: deploy/grafana/node_modules/.package-lock.json
	@$(SETUP) node prometheus
	@$(STEP) "Prometheus: configuration" promtool check config deploy/prometheus/prometheus.yml
	@$(STEP) "Prometheus: rules' tests" promtool test rules deploy/prometheus/tests/*.yml
	@$(STEP) "dashboards" -C deploy/grafana npm run --silent check

test-autobahn-only: | $(DIST)
	@$(SETUP) cargo autobahn
	@$(STEP) "build the echo" cargo build --package ringback-gateway --example echo
	@$(STEP) "Autobahn suite" scripts/autobahn $(ARGS)

# After `build`: gateways and the load tool are asked whether they take what is rendered for them.
test-chart-only:
	@$(SETUP) cargo helm prometheus redis openssl
	@$(STEP) "build the load tool" cargo build --package ringback-loadtest
	@$(STEP) "chart" env PYTHONPATH=$(CURDIR)/.run/tools/chart \
	  python3 -B -m unittest discover --start-directory helm/tests $(ARGS)

# After `build`: it runs against real gateways.
test-load-only:
	@$(SETUP) redis nextest
	@$(STEP) "load tool" cargo nextest run --package ringback-loadtest

test-e2e-only:
	@$(SETUP) redis haproxy coturn prometheus rotel openssl helm
	@ulimit -S -n "$$(ulimit -H -n)" && $(STEP) "end-to-end tests" cargo test --package ringback-tests -- $(ARGS)

# After `build`.
test-stack-only:
	@$(SETUP) cargo redis haproxy coturn prometheus rotel
	@$(STEP) "build what checks the stack" cargo build --package ringback-tests --bin ringback-stack-check
	@$(STEP) "build the load tool" cargo build --package ringback-loadtest
	@$(STEP) "the whole stack" scripts/stack --check

# After `build`. The old version is built once; dependencies that are the same are not compiled again.
test-upgrade-only:
	@$(SETUP) cargo redis haproxy helm
	@$(STEP) "old and new version together" scripts/upgrade-check

test-chaos-only:
	@$(SETUP) redis
	@$(STEP) "chaos" env CHAOS_QUICK=1 CHAOS_SECONDS=$(or $(CHAOS_SECONDS),4) \
	  cargo run --package ringback-tests --bin ringback-chaos

# The images are compiled with what cargo has compiled for the tests before.
test-containers-only:
	@$(SETUP) cargo node containers helm
	@$(STEP) "containers" scripts/compose-check
	@$(STEP) "chart, run" env PYTHONPATH=$(CURDIR)/.run/tools/chart python3 -B scripts/chart-run

test-browser-only: tests/browser/node_modules/.package-lock.json
	@$(SETUP) chromium firefox coturn netns
	@$(STEP) "browser tests" -C tests/browser npm test

##@ Release

.PHONY: release-notes
release-notes: ## What has changed since the last release, or in VERSION=0.1.0
	@scripts/release notes $(VERSION)

##@ Keep in order

.PHONY: chart
chart: ## Bring the chart's copies up to date: rules, dashboards, schema of settings, table of values
	@scripts/chart

.PHONY: setup
setup: ## Install what the tests need and is not there yet
	@$(STEP) "set-up" $(SETUP) cargo node redis haproxy chromium firefox coturn netns prometheus openssl nextest deny rotel helm containers autobahn

.PHONY: fmt
fmt: ## Format the Rust code
	@$(SETUP) cargo
	cargo fmt --all

.PHONY: web
web: $(DIST)/index.html ## Build the web client, which the gateway serves
	@:

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

# The web client: installed anew when its lock file changes, built anew when a source does.

WEB_SOURCES := $(shell find clients/web -name node_modules -prune -o -name dist -prune -o -type f -print 2>/dev/null)

$(DIST)/index.html: clients/web/node_modules/.package-lock.json $(WEB_SOURCES)
	@$(STEP) "web client: build" -C clients/web npm run build
	@touch $@

# The gateway compiles without a demo page, not without the folder of it.
$(DIST):
	@mkdir -p $@

%/node_modules/.package-lock.json: %/package-lock.json
	@$(SETUP) node
	@$(STEP) "npm ci in $*" -C $* npm ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@
