# Each target does all that it needs: it installs what is missing (hack/setup) and builds what is stale.
# `make help` lists them.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GO      ?= go
OUT     ?= out

# The releases of Kubernetes whose own programs judge what is rendered for them, those of `make e2e`, and where the
# programs are kept.
RELEASES       ?= 1.34.4
ALL_RELEASES   ?= 1.29.5 1.34.4 1.36.3
KUBERNETES_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/nodekiln/kubernetes

CONFORMANCE = NODEKILN_CONFORMANCE=1 NODEKILN_KUBERNETES=$(KUBERNETES_DIR) NODEKILN_RELEASES="$(RELEASES)"
E2E         = $(CONFORMANCE) $(GO) test -v -count=1

.PHONY: help build test unit machines clusters e2e kubernetes verify bench demo clean setup

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the programs that building and testing needs (Debian and Ubuntu; asks for root)
	@hack/setup

build: ## Build bin/nodekiln
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/nodekiln ./cmd/nodekiln

demo: setup build ## Bake a Kubernetes cluster of three machines, switch it on, and judge it as a user would
	hack/demo $(OUT)

test: setup build verify unit machines ## Linters, unit tests, and machines that boot: what has to pass for each change

unit: kubernetes ## Unit tests, against every outside program that judges an image or a cluster
	$(CONFORMANCE) $(GO) test -timeout 20m ./cmd/... ./pkg/... ./overlays/... ./profiles/...

kubernetes: ## Build the programs of Kubernetes that the tests run, from its modules (some minutes for each release, once)
	@for release in $(RELEASES); do $(GO) run ./hack/kubernetes $$release $(KUBERNETES_DIR)/$$release/hyperkube || exit; done

machines: build kubernetes ## Build and boot real machines: etcd's, and one that is a whole Kubernetes cluster
	$(E2E) -timeout 35m ./hack/e2e

clusters: build kubernetes ## Boot a cluster of each profile, one that is highly available, and clusters that have bad days
	$(E2E) -timeout 150m ./hack/e2e/clusters

e2e: setup ## All of machines and clusters, for every release that the programs can be built of (hours)
	$(MAKE) machines clusters RELEASES="$(ALL_RELEASES)"

verify: ## Formatting, linters, and a tidy go.mod
	hack/verify

bench: setup build ## Time and memory, as ratios to the peer tools in the same run
	hack/bench

clean: ## Remove what the targets made here (the cache stays: rm -r ~/.cache/nodekiln)
	rm -rf bin $(OUT)
