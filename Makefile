# What one does with RAG Enabler, each by one word. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run cluster stack test contract bench retrieval fuzz soak sim numbers lint fmt models setup checkout build clean deploy-check

# An empty HOME (a bare container, a system service) is looked up, because cargo and the caches need one.
ifeq ($(strip $(HOME)),)
export HOME := $(shell getent passwd "$$(id -u)" | cut -d: -f6)
endif

# Outside the checkout: a fresh clone on a machine that built before starts warm.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/rag-enabler/target
export CARGO_TERM_COLOR ?= auto
# rustup's cargo, also where the login shell's PATH has not been read.
export PATH := $(PATH):$(HOME)/.cargo/bin

PROGRAM := $(CARGO_TARGET_DIR)/debug/rag-enabler

step = @printf '\n\033[1m== %s\033[0m\n' "$(1)"

help: ## list these targets
	@echo 'RAG Enabler: answers questions about Portuguese and English documents, with the page as proof.'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: models ## set up, build, and show the product: two documents read, three questions answered
	$(call step,Starting the tour (Ctrl-C ends it))
	@"$(PROGRAM)" tour --samples samples

cluster: models ## three nodes with different roles, an S3-compatible server and a Redis on this machine
	$(call step,Starting the cluster (Ctrl-C ends it))
	@deploy/cluster.sh "$(PROGRAM)" $(CLUSTER)

stack: models ## the cluster with a Prometheus and the alert rules; STACK=--kill-one kills a node and waits for the alert
	@deploy/setup.sh stack
	$(call step,Starting the stack (Ctrl-C ends it))
	@deploy/stack.sh "$(PROGRAM)" $(STACK)

# Built once, as the tests want it: their features reach down to tokio, and a program that was built without them first
# would have nearly every crate compiled twice.
test: setup ## everything that must hold: format, lints, all tests
	$(call step,Format)
	@cargo fmt --all --check
	$(call step,Building the program and its tests (the first time it compiles some 600 crates: twenty minutes on two cores))
	@cargo build --locked --workspace --bins --tests --examples
	$(call step,Models)
	@"$(PROGRAM)" models pull default
	$(call step,Lints of the whole workspace (the first time this takes minutes))
	@cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(call step,Tests (each crate reports as it is done))
	@cargo test --locked --workspace
	@if command -v cargo-deny >/dev/null 2>&1; then \
		printf '\n\033[1m== Licences and advisories\033[0m\n'; \
		cargo deny --locked check licenses bans sources; \
	else echo 'licences: cargo-deny is not installed, so they were not checked (cargo install cargo-deny)'; fi
	$(call step,All tests passed)

setup: checkout
	$(call step,System packages)
	@deploy/setup.sh

# Checkouts share the build folder, and cargo takes what another one built for this one's own wherever the sources here are
# older; a test would then look for its files over there. Two of them at the same time are not kept apart.
checkout:
	@mkdir -p "$(CARGO_TARGET_DIR)"; \
	last="$(CARGO_TARGET_DIR)/last-checkout"; \
	if [ -s "$$last" ] && [ "$$(cat "$$last")" != "$(CURDIR)" ]; then \
		echo "Another checkout was built last ($$(cat "$$last")): the workspace's own crates are built again."; \
		{ git ls-files -z 2>/dev/null || find . -type f -not -path './.git/*' -print0; } | xargs -0r touch -c; \
	fi; \
	printf '%s' "$(CURDIR)" > "$$last"

build: setup
	$(call step,Building rag-enabler (the first time it compiles some 500 crates: several minutes on two cores))
	@cargo build --locked --bin rag-enabler

models: build ## fetch the embedded models (184 MB, once)
	$(call step,Models)
	@"$(PROGRAM)" models pull default

contract: models ## hold a running node to its own OpenAPI description with schemathesis
	$(call step,Contract: a node held to its own description (minutes))
	@tests/contract/run.sh -- $(CONTRACT)

bench: ## measure against tesseract, ocrmypdf, onnxruntime, llama.cpp and Qdrant Edge, side by side
	@deploy/setup.sh bench
	@$(MAKE) --no-print-directory models
	@tests/bench/run.sh $(BENCH)
	$(call step,Rules language)
	@cargo bench --locked --quiet -p enabler-rules --bench speed

retrieval: models ## nDCG, MRR and hits on passages and questions: FOLDER=(corpus.jsonl, queries.jsonl, qrels.tsv)
	@cargo run --locked --quiet -p enabler-actors --example retrieval -- "$${FOLDER:-../shared/data/retrieval/squad_pt_sample}"

fuzz: checkout ## throw damaged bytes at the readers, SECONDS_EACH seconds per target (default 60)
	@fuzz/run.sh "$${SECONDS_EACH:-60}"

soak: models ## 100 kills of one node, EVENTS (default 200) in a cluster of five, then MINUTES (default 10) of one again
	@RAG_ENABLER_SOAK=1 cargo test --locked -p rag-enabler --test promises crashes:: -- --nocapture
	@RAG_ENABLER_SOAK=1 RAG_ENABLER_EVENTS="$${EVENTS:-200}" \
		cargo test --locked -p rag-enabler --test promises cluster::soak -- --nocapture
	@python3 tests/bench/soak.py --program "$(PROGRAM)" --minutes "$${MINUTES:-10}"

sim: checkout ## search SEEDS (default 10000) seeds of simulated failures for a broken promise
	@cargo run --locked --quiet -p enabler-sim -- search --seeds "$${SEEDS:-10000}"

numbers: checkout ## measure the simulator's numbers to reach; NUMBERS="--all" also those of real nodes (half an hour), "--only ROW,ROW" some
	@cargo build --locked --quiet --bin rag-enabler
	@cargo run --locked --quiet -p enabler-sim -- numbers $(NUMBERS)

lint: checkout ## format check and lints only
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets -- -D warnings

deploy-check: ## what is deployed: Terraform, images, dashboards, alarms, runbooks, workflows
	@deploy/check.sh

fmt: ## format everything
	@cargo fmt --all

clean: ## remove what was built (models and data stay)
	@cargo clean
