# Each target does all that it needs: it installs what is missing (hack/setup) and builds what is stale.
# `make help` lists them.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GO      ?= go
OUT     ?= out

# The releases of Kubernetes whose own programs judge what is rendered for them, and where these are kept.
KUBERNETES_RELEASES ?= 1.34.4 1.36.3
KUBERNETES_DIR      ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/nodekiln/kubernetes

.PHONY: help build test unit e2e kubernetes verify bench demo clean setup

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the programs that building and testing needs (Debian and Ubuntu; asks for root)
	@hack/setup

build: ## Build bin/nodekiln
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/nodekiln ./cmd/nodekiln

demo: setup build ## Bake three machines and switch them on as a TLS etcd quorum, under BIOS and under UEFI
	hack/demo $(OUT)

test: setup build verify unit e2e ## Every check: linters, unit tests, and machines that boot

unit: ## Unit tests, against every outside program that judges an image
	NODEKILN_CONFORMANCE=1 $(GO) test -timeout 20m ./cmd/... ./pkg/... ./overlays/... ./profiles/...

kubernetes: ## Build the programs of Kubernetes that the tests run, from its modules (some minutes for each release, once)
	@for release in $(KUBERNETES_RELEASES); do $(GO) run ./hack/kubernetes $$release $(KUBERNETES_DIR)/$$release/hyperkube || exit; done

e2e: build kubernetes ## Build and boot real machines
	NODEKILN_CONFORMANCE=1 NODEKILN_KUBERNETES=$(KUBERNETES_DIR) $(GO) test -v -count=1 -p 1 -timeout 35m ./hack/e2e/...

verify: ## Formatting, linters, and a tidy go.mod
	hack/verify

bench: setup build ## Time and memory, as ratios to the peer tools in the same run
	hack/bench

clean: ## Remove what the targets made here (the cache stays: rm -r ~/.cache/nodekiln)
	rm -rf bin $(OUT)
