# Everything a developer or an operator runs. `make` lists the targets.

# Any Python of the supported range will do; choose one with `make PYTHON=python3.12 ...`.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && { echo $$python; break; }; done)
VENV ?= .venv
PEERS := .venv-peers
# Passed on by run, test (its first pass) and bench, e.g. `make run ARGS="--for 60"`.
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
KERNELS := $(shell grep -rlE 'njit|NamedTuple' src --include='*.py')
# Files of tests are dealt to this many processes; what times itself runs alone, after them.
WORKERS ?= 2
SPREAD := -n $(WORKERS) --dist loadfile
COVER := --cov --cov-report= --cov-fail-under=0
SURE := src/tutti/model/*,src/tutti/risk/*,src/tutti/execution/*,src/tutti/portfolio/*,src/tutti/ledger/*

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check crash-test fault-matrix notebooks examples bench bench-studies bench-models bench-opinions bench-text bench-venues lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.warm ## Install what Tutti needs to run, and compile its kernels

run: $(VENV)/.warm ## Start paper trading on a simulated market (ARGS="--for 60" stops by itself)
	@$(BIN)/tutti up --feed sim $(ARGS)

test: $(VENV)/.dev $(VENV)/.warm ## Run all tests, with the coverage gates
	$(BIN)/python -m pytest -q $(SPREAD) -m "not slow" $(COVER) $(ARGS)
	@echo "Once more with the compiler off: a compiled kernel shows no coverage."
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q $(SPREAD) -m "kernels and not slow" \
		$(COVER) --cov-append || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -q -m slow || [ $$? -eq 5 ]
	$(BIN)/coverage report
	@echo "What moves money is covered whole:"
	$(BIN)/coverage report --include='$(SURE)' --fail-under=100

check: $(VENV)/.dev ## Check format, lint, types and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

crash-test: $(VENV)/.dev $(VENV)/.warm ## Kill a live account N times at every step of an order, N=1000
	@$(BIN)/python -m tests.crash.run --kills $(or $(N),1000) --workers 3

fault-matrix: $(VENV)/.dev $(VENV)/.warm ## Trade through each fault at each of four dialects
	@$(BIN)/python -m tests.crash.matrix $(ARGS)

notebooks: $(VENV)/.dev $(VENV)/.warm ## Run the example notebooks and keep what they print
	$(BIN)/python examples/notebooks/run_notebook.py examples/notebooks/*.ipynb \
		--data "$${TUTTI_TEST_DATA:-../shared/data}"

examples: $(VENV)/.examples $(VENV)/.warm ## Try the sample models, learned ones too (installs torch)
	$(BIN)/python -m pytest -q tests/examples

bench: $(VENV)/.dev $(VENV)/.warm ## Measure, side by side with other engines where they install
	@$(MAKE) --no-print-directory $(PEERS)/.ready \
		|| echo "The other engines can't be installed here: measuring Tutti alone."
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-studies: $(VENV)/.dev $(VENV)/.warm ## Measure Monte Carlo, sweeps and null worlds against their bars
	$(BIN)/python benchmarks/studies.py $(ARGS)

bench-models: $(VENV)/.dev $(VENV)/.warm ## Measure calls of language models beside a bare HTTP client, and budgets
	$(BIN)/python benchmarks/models.py $(ARGS)

bench-opinions: $(VENV)/.dev $(VENV)/.warm ## Measure how agents are waited for, and replays of what they said
	$(BIN)/python benchmarks/opinions.py $(ARGS)

bench-text: $(VENV)/.dev $(VENV)/.warm ## Measure the scoring of texts, and the search of past situations
	$(BIN)/python benchmarks/text.py $(ARGS)

bench-venues: $(VENV)/.dev $(VENV)/.warm ## Measure the way of an order to the wire, and many books at once
	$(BIN)/python benchmarks/venues.py $(ARGS)

lock: ## Resolve the dependencies anew and pin them in requirements/
	PYTHON="$(PYTHON)" requirements/lock

clean: ## Remove environments, caches and coverage data; runs/ stays
	rm -rf $(VENV) $(PEERS) .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache .coverage .coverage.* build dist
	find src tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

# Environments. A stamp is renewed when its lock file is newer; nothing runs when nothing changed.

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || { \
		echo "No Python 3.11 to 3.13 found: install one, or name it: make PYTHON=... setup" >&2; \
		exit 1; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) can't make an environment: on Debian, apt install python3-venv" >&2; \
		exit 1; }

$(VENV)/.base: requirements/base.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing packages (680 MB the first time) ..."
	@$(PIP) -r requirements/base.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.base
	@echo "Installing packages for development ..."
	@$(PIP) -r requirements/dev.lock
	@touch $@

$(VENV)/.examples: requirements/examples.lock $(VENV)/.dev
	@echo "Installing what the sample models learn with ..."
	@$(PIP) -r requirements/examples.lock
	@touch $@

$(VENV)/.warm: $(VENV)/.base $(KERNELS)
	@echo "Compiling kernels, once for each version of the sources, up to a minute ..."
	@$(BIN)/python -m tutti.app.warmup
	@touch $@

$(PEERS)/.ready: requirements/peers.lock
	@[ -n "$(PYTHON)" ] && $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet \
		-r requirements/peers.lock || { rm -rf $(PEERS); exit 1; }
	@touch $@
