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
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

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

# --- checks --------------------------------------------------------------------
.PHONY: check
check: venv ## Style, types, layers, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: venv ## Put the source into its normal form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
