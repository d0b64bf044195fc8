# Everything that a person or CI does here. Needs python3 (3.11 or newer) with venv, and make; the page also Node.
.DEFAULT_GOAL := help
.PHONY: help demo docs soak corpus fuzz test lint advisories format contract bench page pictures screenshots lock node clean
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# On a terminal uv shows how far it is; what is said goes to the standard error, since the output may be JSON.
INSTALL = $(UV) pip install $(shell test -t 2 || echo --quiet) --python $(BIN)/python
SAY = @echo >&2

# uv does not read pip's configuration: a person's own index and authorities hold for both.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= true
endif

SITE := src/signroom/manual/site/index.html
PAGES := $(shell find docs examples client/README.md deploy scripts/docs CHANGELOG.md CONTRIBUTING.md -type f -not -name '*.pyc')

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Where the site cannot be built the demo starts all the same: /docs then says what to do.
demo: $(VENV)/.runtime ## Run the product: service, example application, test certificates
	@$(MAKE) --no-print-directory $(SITE) >&2 || echo >&2 "The documentation was not built: /docs says so. Everything else works."
	@exec $(BIN)/signroom demo $(ARGS)

docs: $(VENV)/.docs ## Build the documentation site, which the service serves under /docs, and check its links
	@$(BIN)/python -m scripts.docs

test: $(VENV)/.dev ## Run every check; with TESTS='-k name tests/api' only these tests
	@bash scripts/test.sh $(TESTS)

soak: $(VENV)/.dev ## Read hostile files, kill processes at random, attack one (ARGS='files --files 500', ARGS='kill', ARGS='load')
	@$(BIN)/python -m tests.soak $(ARGS)

corpus: $(VENV)/.dev ## Sign every PDF of FOLDER and let every judge look at it (ARGS='--report lines.json')
	@$(BIN)/python -m tests.corpus $(FOLDER) $(ARGS)

fuzz: $(VENV)/.dev ## Sign mutated and generated PDFs (ARGS='--mutated 10000 --generated 2000 --seed 1')
	@$(BIN)/python -m tests.fuzz $(ARGS)

lint: $(VENV)/.dev ## Style, types, import rules, published advisories (offline)
	@bash scripts/lint.sh

advisories: $(VENV)/.dev ## Fetch the advisories on locked packages (ARGS='--pypi FOLDER --npm FOLDER' of OSV records)
	@$(BIN)/python scripts/advisories.py update $(ARGS)

format: $(VENV)/.dev ## Bring the Python code into shape
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

contract: $(VENV)/.dev ## Write docs/contract-fields.md anew: every field of the wire contract, and what becomes of it
	@PYTHONPATH=. $(BIN)/python scripts/contract_table.py

bench: $(VENV)/.dev ## Measure, as ratios to a floor and to a peer in the same run, and write docs/performance.md (ARGS="requests webhooks")
	@$(BIN)/python -m bench $(ARGS)

page: ## Build the signing page into the package (needs Node >= 20.19)
	@bash scripts/build-page.sh

screenshots: $(VENV)/.dev ## Picture every state of the signing page into ./screenshots
	@PYTHONPATH=. $(BIN)/python scripts/screenshots.py

pictures: $(VENV)/.dev ## Take the pictures of README and manual anew (docs/*-page.png)
	@PYTHONPATH=. $(BIN)/python scripts/readme_pictures.py

lock: $(UV) ## Write locks/ from pyproject.toml (UPGRADE=1 takes the newest versions)
	@bash scripts/lock.sh $(if $(UPGRADE),--upgrade)

node: $(UV) ## Bring Node into .venv where the machine has none, or an old one
	@. scripts/node.sh && find_node . || $(INSTALL) --require-hashes --requirement locks/node.txt

clean: ## Remove what can be made again
	rm -rf $(VENV) src/signroom/manual/site web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "Signroom needs Python 3.11 or newer: apt-get install python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Signroom needs Python 3.11 or newer; $(PYTHON) is older."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is incomplete. On Debian: apt-get install python3-venv"; exit 1; }
	$(SAY) "Signroom: making .venv"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/bootstrap.txt

# Bytecode is compiled at once: the first start would otherwise take twice as long.
$(VENV)/.runtime: $(UV) locks/runtime.txt pyproject.toml client/pyproject.toml
	$(SAY) "Signroom: fetching, installing and compiling $$(grep -c '^[a-z].*==' locks/runtime.txt) packages, once"
	@$(INSTALL) --compile-bytecode --require-hashes --requirement locks/runtime.txt
	$(SAY) "Signroom: installing the checkout itself"
	@$(INSTALL) --no-deps --no-build-isolation --editable . --editable ./client
	$(SAY) "Signroom: compiling it"
	@$(BIN)/python -m compileall -q src client/src || true
	@touch $@

$(VENV)/.docs: $(VENV)/.runtime locks/docs.txt
	$(SAY) "Signroom: installing what builds the documentation"
	@$(INSTALL) --require-hashes --requirement locks/docs.txt
	@touch $@

$(SITE): $(PAGES) $(VENV)/.docs
	$(SAY) "Signroom: building the documentation"
	@$(BIN)/python -m scripts.docs

$(VENV)/.dev: $(UV) locks/dev.txt pyproject.toml client/pyproject.toml
	$(SAY) "Signroom: fetching, installing and compiling $$(grep -c '^[a-z].*==' locks/dev.txt) packages, once"
	@$(INSTALL) --compile-bytecode --require-hashes --requirement locks/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable . --editable ./client
	@touch $@ $(VENV)/.runtime $(VENV)/.docs
