# Everything a developer runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Python 3.12 or newer; the first that is found. PYTHON=... chooses another.
PYTHON ?= $(shell scripts/find-python)
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

# --- environment -------------------------------------------------------------
.PHONY: venv
venv: $(VENV)/.done ## Make the virtual environment from the hashed lock

$(VENV)/.done: locks/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python >= 3.12 was found: install one (for example with pyenv) or run make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "==> virtual environment ($(PYTHON))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r locks/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.PHONY: lock
lock: ## Write the dependency locks anew (hashes, no index address)
	@for group in runtime dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate $$( [ $$group = dev ] && echo "--group dev" ) pyproject.toml -o locks/$$group.txt; \
	done
	@echo "hatchling>=1.27" | $(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate - -o locks/build.txt

# --- checks --------------------------------------------------------------------
.PHONY: generate
generate: venv ## Write the generated files anew (CRDs, reference docs, what is made of the catalog)
	@$(BIN)/python -m llamastack_operator.api.crd crds
	@$(BIN)/python -m llamastack_operator.api.reasons_page docs
	@$(BIN)/python -m llamastack_operator.catalog.config_keys operator/llamastack_resolver/providers
	@$(BIN)/python -m llamastack_operator.catalog.outline operator/llamastack_operator/catalog/data
	@charts/sync-crds

.PHONY: catalog
catalog: venv ## Take what was published into the catalog, and say what is left to review; RELEASES='0.7.4' names some
	@$(BIN)/python scripts/build-catalog $(RELEASES)
	@$(MAKE) --no-print-directory generate
	@$(BIN)/python -m scripts.catalog_review

.PHONY: check
check: venv ## Style, types, layers, generated files
	@echo "==> checks"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy scripts/build-catalog
	@$(BIN)/lint-imports
	@$(BIN)/python -m llamastack_operator.api.crd crds --check
	@$(BIN)/python -m llamastack_operator.api.reasons_page docs --check
	@$(BIN)/python -m llamastack_operator.catalog.config_keys operator/llamastack_resolver/providers --check
	@$(BIN)/python -m llamastack_operator.catalog.outline operator/llamastack_operator/catalog/data --check
	@charts/sync-crds --check

.PHONY: format
format: venv ## Put the source into its normal form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# --- tests -----------------------------------------------------------------------
# SHUFFLE=seed runs them in another order, PYTEST_OPTIONS='-k name' is handed on.
RUN_TESTS := $(BIN)/python -m tests.support.run
OPTIONS = $(if $(SHUFFLE),--shuffle $(SHUFFLE)) $(PYTEST_OPTIONS)

.PHONY: quick
quick: venv ## What a change touches: style, types, the nearest unit tests; BASE=commit compares with another commit
	@$(BIN)/python -m tests.support.quick $(BASE)

.PHONY: test-unit
test-unit: venv ## Tests that need nothing but Python
	@$(RUN_TESTS) unit $(OPTIONS)

.PHONY: test-conformance
test-conformance: venv ## Tests against real releases of Llama Stack and OGX, installed into the cache
	@$(RUN_TESTS) conformance $(OPTIONS)

.PHONY: test-images
test-images: venv ## Tests of images, the installer and registries
	@$(RUN_TESTS) images $(OPTIONS)

.PHONY: test-api
test-api: venv test-bed ## Tests against a real API server
	@$(RUN_TESTS) api $(OPTIONS)

.PHONY: test-node
test-node: venv test-bed ## Tests with pods on a real node
	@$(RUN_TESTS) node $(OPTIONS)

.PHONY: test-bed
test-bed: venv ## Build what the embedded cluster needs (cached outside the repository)
	@echo "==> test bed"
	@$(BIN)/python -m tests.cluster setup

.PHONY: test
test: check test-bed ## Every kind of test, representative cases of each matrix
	@echo "==> tests"
	@$(RUN_TESTS) $(OPTIONS)

.PHONY: test-all
test-all: check test-bed ## Every test, full matrices
	@echo "==> all tests"
	@LLAMASTACK_TEST_ALL=1 $(RUN_TESTS) $(OPTIONS)

.PHONY: bench
bench: venv test-bed ## Benchmarks, each beside its floor
	@$(BIN)/python -m benchmarks.reconcile
	@$(BIN)/python -m benchmarks.validate
	@$(BIN)/python -m benchmarks.layer
	@$(BIN)/python -m benchmarks.images

# --- the product -----------------------------------------------------------------
.PHONY: wheels
wheels: venv ## Build both distributions into dist/: the operator, and the command line alone
	@$(BIN)/python -m hatchling build -t wheel -d dist
	@cd distributions/cli && ../../$(BIN)/python -m hatchling build -t wheel -d ../../dist

.PHONY: demo
demo: venv ## A stack that answers, and two broken ones; CONTEXT=name uses your own cluster, REPOSITORY=... is where it pushes
	@$(BIN)/python -m scripts.demo up $(if $(CONTEXT),--context $(CONTEXT)) $(if $(IMAGE),--image $(IMAGE)) \
	  $(if $(REPOSITORY),--repository $(REPOSITORY))

.PHONY: demo-down
demo-down: venv ## Remove what `make demo` made
	@$(BIN)/python -m scripts.demo down $(if $(CONTEXT),--context $(CONTEXT))
