# The two commands of the README:  make demo   and   make test.   `make help` lists the rest.

SHELL       := /bin/bash
BIN         := build/bin
DEMO        := out/demo
# C sources of the binding are compiled apart (shim.mk); the Go side only needs cgo for dlopen.
GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOPACKAGES  := ./...
# Tests must not skip for want of libtorch when they run from here.
TEST_ENV    := ISAC_REQUIRE_TORCH=1
PURE        := ./plugin ./plugin/isacpb ./plugin/pyvalue ./host-bridge/...

REF         ?= .venv-ref/bin/python
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS     := -ldflags '-X main.version=$(VERSION)'

# Two npm clients of ComfyUI, unmodified, which the end-to-end tests run against isac-host.
CLIENTS := host-bridge/comfyapi/testdata/clients/node_modules/.package-lock.json

# apt packages are listed in scripts/deps.sh, npm packages in the two package-lock.json, Python packages in scripts/requirements-test.txt and examples/mini/requirements.txt.

.DEFAULT_GOAL := build

include shim.mk
include host-bridge/web/web.mk

.PHONY: help deps deps-test deps-e2e deps-ref build demo test test-go test-python test-e2e test-client-protobuf test-pack test-comfyui comfyui-schema test-diffusers release release-check test-large test-slow test-soak chaos lint licences fixtures evidence clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

deps: ## install what a build needs (apt: g++, libtorch-dev, libopenblas0-pthread), or say what to install
	@scripts/deps.sh build

deps-test: ## install what the tests need besides (shellcheck, and ruff and pytest in .venv)
	@scripts/deps.sh test

deps-e2e: ## install what the end-to-end tests need besides (chromium)
	@scripts/deps.sh e2e

deps-ref: ## install the reference implementations (PyTorch, diffusers) into .venv-ref, to make fixtures or to train
	python3 -m venv .venv-ref
	.venv-ref/bin/pip install -q --disable-pip-version-check -r examples/mini/requirements.txt

build: deps shim web ## build libisactorch.so, isac-plugin, the editor page and isac-host into build/
	@mkdir -p $(BIN)
	$(GO) build $(LDFLAGS) -o $(BIN)/isac-plugin ./plugin/isac-plugin
	CGO_ENABLED=0 $(GO) build $(LDFLAGS) -o $(BIN)/isac-host ./host-bridge/isac-host

demo: build ## a prompt becomes pictures, plain and guided: out/demo/*.png
	$(BIN)/isac-plugin doctor --models examples/mini
	$(BIN)/isac-host run examples/workflows/two-cats-and-a-dog.json --out $(DEMO)
	$(GO) run ./examples/demo --dir $(DEMO)

test: deps-test build lint test-web test-go test-python test-pack ## everything but the end-to-end tests

test-go: shim
	CGO_ENABLED=0 $(GO) build $(PURE)
	$(TEST_ENV) $(GO) test -race -timeout 14m $$($(GO) list ./... | grep -v /e2e)

test-python: deps-test
	PYTHONPATH=host-bridge/python .venv/bin/python -m pytest -q examples/mini examples/python-client host-bridge/python/tests

test-pack: build
	@scripts/deps.sh pack
	.venv-pack/bin/python -m pytest -q host-bridge/comfyui/tests --ignore host-bridge/comfyui/tests/comfyui

COMFYUI ?=
COMFYUI_PYTHON ?= python3
test-comfyui: build $(WEB_MODULES) ## the node pack in the real ComfyUI: make test-comfyui COMFYUI=/path/to/checkout COMFYUI_PYTHON=/its/python; ten minutes
	@$(COMFYUI_PYTHON) -c 'import grpc, pytest' || { echo "make: $(COMFYUI_PYTHON) needs: pip install pytest ./host-bridge/python"; exit 1; }
	COMFYUI=$(COMFYUI) COMFYUI_PYTHON=$(COMFYUI_PYTHON) PYTHONPATH=host-bridge/python $(COMFYUI_PYTHON) -m pytest -q host-bridge/comfyui/tests/comfyui

comfyui-schema: build ## write again what the node pack knows of isac-plugin's nodes
	python3 host-bridge/comfyui/tests/make_schema.py $(BIN)/isac-plugin

test-client-protobuf: build ## isac-client with every protobuf from 4 to 7, each in an environment of its own (needs pip's index)
	host-bridge/python/tests/protobuf.sh

CLIENT_DEPS := build/client-deps
$(CLIENT_DEPS)/.done:
	$(REF) -m pip install -q --disable-pip-version-check --target $(CLIENT_DEPS) 'grpcio>=1.48' 'protobuf<8'
	$(REF) -m pip install -q --disable-pip-version-check --target $(CLIENT_DEPS) --no-deps scipy
	@touch $@

test-diffusers: build $(CLIENT_DEPS)/.done ## guided pipelines of diffusers against loops by hand and our own sampler; three minutes (make deps-ref first)
	PYTHONPATH=host-bridge/python:$(CLIENT_DEPS) $(REF) -m pytest -q -W ignore::DeprecationWarning examples/diffusers host-bridge/python/tests/test_torch.py

release: build web licences ## archives of the programs, the Python packages and the sums of all, into dist/
	GO=$(GO) VERSION=$(VERSION) scripts/release.sh dist

release-check: release ## unpack the plugin's archive, build its shim, and run its doctor; install the wheel and start the plugin with it
	scripts/release.sh --check dist

test-e2e: deps-e2e build $(CLIENTS) ## the built programs from outside: the demo, the server, its clients and page, kill -9, Ctrl-C, broken input
	$(TEST_ENV) $(GO) test -count=1 -timeout 20m ./e2e/...

test-large: shim ## models of full size: write random SDXL and SD3.5, load them, take a guided step; minutes, 20 GB of memory, 7 GB of disk
	$(TEST_ENV) ISAC_LARGE=1 $(GO) test -count=1 -v -timeout 60m -run 'TestLarge$$' ./isac/diffusion/synth

test-slow: build ## twenty rounds of deletions with large records, waits of more than a minute, and kill -9: about three minutes
	ISAC_SLOW=1 $(TEST_ENV) $(GO) test -count=1 -v -parallel 20 -timeout 30m ./e2e -run TestDeletedStaysDeleted

RUNS ?= 1000
test-soak: build ## many guided runs in one server: what it and its plugin hold must not grow
	ISAC_SOAK=$(RUNS) $(TEST_ENV) $(GO) test -count=1 -v -timeout 120m ./e2e -run TestSoak

MINUTES ?= 10
chaos: build ## random work under kill -9, stops, full disks and a NATS that restarts: make chaos MINUTES=60
	$(TEST_ENV) $(GO) run ./e2e/chaos --minutes $(MINUTES)

$(CLIENTS): host-bridge/comfyapi/testdata/clients/package-lock.json
	cd $(dir $<) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

lint: deps-test
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null)); \
	if [ -n "$$unformatted" ]; then echo "gofmt: not formatted: $$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet $(GOPACKAGES)
	$(GO) run $(STATICCHECK) $(GOPACKAGES)
	GO=$(GO) scripts/vulnerabilities.sh $(GOVULNCHECK) $(GOPACKAGES)
	.venv/bin/ruff check --quiet .
	shellcheck $$(git ls-files '*.sh' .ci/run)

licences: $(WEB_MODULES) ## list the licences of what the programs and the page are linked with; the texts go to build/THIRD_PARTY_LICENCES
	scripts/licences.sh build/THIRD_PARTY_LICENCES

fixtures: ## after a new mini model: write again what diffusers and plain PyTorch compute with it (make deps-ref first)
	$(REF) isac/diffusion/testdata/make_fixtures.py mini
	$(REF) isac/testdata/make_isac.py mini
	$(REF) isac/diffusion/testdata/make_attend.py

.PHONY: train-smoke
train-smoke: ## train the mini model's two stages from nothing on the CPU for five minutes (make deps-ref first)
	$(REF) examples/mini/smoke.py

evidence: build ## write the tables and plots of examples/mini/evidence again from the committed results
	@for dir in examples/mini/evidence/*/; do $(BIN)/isac-plugin bench report "$$dir" || exit 1; done

.PHONY: performance
performance: build ## run the benchmarks (some minutes; leave the machine alone meanwhile) and write docs/performance.md from what they print
	$(GO) run ./scripts/performance --document docs/performance.md --plugin $(BIN)/isac-plugin

CASES  ?= mini,sd1-256
ROUNDS ?= 3
# Ours runs on the torch of $(REF), which is also plain PyTorch's: the fair comparison; and on the shim of every day.
.PHONY: bench bench-build bench-cuda bench-site
bench-build: shim
	@mkdir -p $(BIN)
	$(MAKE) --no-print-directory shim PYTHON=$(REF) SHIM_OUT=build/lib-ref/libisactorch.so
	$(GO) build $(LDFLAGS) -o $(BIN)/isac-plugin ./plugin/isac-plugin
	$(GO) build -o $(BIN)/isac-step ./isac/bench/step
	CGO_ENABLED=0 $(GO) build -o $(BIN)/isac-bench ./scripts/bench

bench: bench-build ## ours beside plain PyTorch, in turn, into docs/performance.md (make deps-ref first): make bench CASES=mini,sd1-256 ROUNDS=3
	$(BIN)/isac-bench --python $(REF) --cases $(CASES) --rounds $(ROUNDS) --shims build/lib-ref/libisactorch.so,build/lib/libisactorch.so

bench-cuda: ## the same on a GPU within four minutes, with the python3 that has its torch and what was built before: see scripts/bench-cuda.sh
	scripts/bench-cuda.sh

bench-site: ## pack diffusers for scripts/bench-cuda.sh on a machine that has torch alone, into build/bench-site.tgz
	scripts/bench-site.sh $(REF) build/bench-site.tgz

clean: ## remove what was built and written
	rm -rf build out dist
