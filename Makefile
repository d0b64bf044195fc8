# Everything that a person or CI does here. Needs python3 (3.11 or newer) with venv, and make; the page also Node.
.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench page lock clean
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runtime ## Run the product: service, example application, test certificates
	@exec $(BIN)/signroom demo $(ARGS)

test: $(VENV)/.dev ## Run every check
	@bash scripts/test.sh

lint: $(VENV)/.dev ## Style, types, import rules
	@bash scripts/lint.sh

format: $(VENV)/.dev ## Bring the Python code into shape
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: $(VENV)/.dev ## Measure, as ratios to a floor and to a peer in the same run
	@$(BIN)/python -m bench

page: ## Build the signing page into the package (needs Node >= 20.19)
	@cd web && npm ci --ignore-scripts --no-audit --no-fund && npm run build && npm run budget

lock: $(UV) ## Resolve the dependencies anew and write locks/
	@bash scripts/lock.sh

clean: ## Remove what can be made again
	rm -rf $(VENV) web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Signroom needs Python 3.11 or newer; $(PYTHON) is older."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is incomplete. On Debian: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Bytecode is compiled at once: the first start would otherwise take twice as long.
$(VENV)/.runtime: $(UV) locks/runtime.txt pyproject.toml
	@$(INSTALL) --compile-bytecode --require-hashes --requirement locks/runtime.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src || true
	@touch $@

$(VENV)/.dev: $(UV) locks/dev.txt pyproject.toml
	@$(INSTALL) --compile-bytecode --require-hashes --requirement locks/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
