# Everything sets itself up: a virtual environment in .venv, with the versions of requirements.lock.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# An interpreter on which ArviZ 1.x runs (3.12 and newer), if the machine has one besides $(PYTHON).
NEWER ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python $(HOME)/.pyenv/versions/3.12*/bin/python) \
           $(shell command -v python3.13 2>/dev/null) $(shell command -v python3.12 2>/dev/null))

# Not in the checkout: run by root, the server has a user of its own, who may not enter root's home.
DEMO_DATABASE ?= $(or $(TMPDIR),/tmp)/irt_jax_demo_$(shell id -u)
DEMO_WINDOW := "$(shell date -u -d "$$(date -u +%Y-%m-01) -1 month" +%Y-%m 2>/dev/null || date -u -v1d -v-1m +%Y-%m) monthly"

# Tests run in this many processes, each of which takes up to 5 GB; WORKERS=0 is one that can be debugged.
WORKERS ?= 2
PYTEST := -m pytest -n $(WORKERS) --dist worksteal
# Which other seeds `make test-seeds` takes, and the markers of what it leaves out.
SEEDS ?= 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
LEFT_OUT ?= long or peers

.PHONY: help demo test lint tests test-newer test-long test-peers test-seeds docs lock clean
.DEFAULT_GOAL := help
# One after the other whatever -j says: they share environments, and the tests take all cores.
.NOTPARALLEL:

help:
	@echo "make demo         calibrate real data with anchors, then the monthly job from database to database"
	@echo "make test         linters, types and tests, on every supported ArviZ that can be had"
	@echo "make test-long    all models and data sets of the statistical tests that make test has a part of"
	@echo "make test-peers   the long comparisons with PyMC, besides the one in make test"
	@echo "make test-seeds   the statistical tests with other seeds: SEEDS=\"1 2 3\", LEFT_OUT=\"long or peers\""
	@echo "make docs         the documentation, in docs/_build/html; warnings are errors"
	@echo "make lock         renew requirements.lock and those of docker/"
	@echo "make clean        remove what the other targets made"

demo: $(VENV)/.demo
	@echo "==> Demonstration: VerbAgg, last month's bank and this month's calibration"
	$(BIN)/irt-jax demo --out demo_run --overwrite
	@echo "==> The monthly job, out of a database (an embedded PostgreSQL) and back into it"
	$(BIN)/python scripts/demo_database.py demo_run/responses.parquet --anchors demo_run/anchors.parquet \
	  --database-url embedded:$(DEMO_DATABASE) --overwrite
	$(BIN)/python scripts/export_from_postgres.py --database-url embedded:$(DEMO_DATABASE) --out demo_run/export
	$(BIN)/irt-jax monthly demo_run/export/responses.parquet --anchors demo_run/export/anchors.parquet --out demo_run/month \
	  --window-label $(DEMO_WINDOW) --third hmc --min-responses 100 --promote-anchors --quiet
	$(BIN)/python scripts/load_to_postgres.py demo_run/month --database-url embedded:$(DEMO_DATABASE) --promote
	$(BIN)/python scripts/compare_methods.py --database-url embedded:$(DEMO_DATABASE) --window-label $(DEMO_WINDOW) \
	  --methods mml,nuts,hmc

test: lint tests test-newer

lint: $(VENV)/.dev
	@echo "==> Linters, types and the order of folders"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

tests: $(VENV)/.dev
	@echo "==> Tests"
	$(BIN)/python $(PYTEST) -m "not peers and not long" --durations=25

test-newer:
ifeq ($(NEWER),)
	@echo "==> No Python 3.12 or newer besides $(PYTHON): tests under ArviZ 1.x left out"
else
	@echo "==> Tests under ArviZ 1.x: $$($(NEWER) --version)"
	@$(MAKE) --no-print-directory $(VENV)-newer/.dev VENV=$(VENV)-newer PYTHON=$(NEWER)
	$(VENV)-newer/bin/python $(PYTEST) -m "not peers and not slow and not long"
endif

test-long: $(VENV)/.dev
	$(BIN)/python $(PYTEST) -m long

test-peers: $(VENV)/.dev
	$(BIN)/python $(PYTEST) -m peers

test-seeds: $(VENV)/.dev
	@failed=; for shift in $(SEEDS); do echo "==> Seeds moved by $$shift"; \
	  $(BIN)/python $(PYTEST) -m "statistical and not ($(LEFT_OUT))" --seed-shift $$shift || failed="$$failed $$shift"; \
	done; if [ -n "$$failed" ]; then echo "Failed with seeds moved by$$failed"; exit 1; fi

docs: $(VENV)/.docs
	@echo "==> Documentation"
	$(BIN)/sphinx-build -b html -W --keep-going docs docs/_build/html
	@echo "docs/_build/html/index.html"

$(VENV)/.uv:
	@echo "==> Virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; \
	  sys.exit(f"Python 3.11 or newer is needed, $(PYTHON) is {v}: make PYTHON=/path/to/python3.11") \
	  if sys.version_info < (3, 11) else print("Python", v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/.demo: $(VENV)/.uv pyproject.toml requirements.lock
	@echo "==> Installing irt-jax and the demonstration's data"
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -c requirements.lock -e '.[demo,plots,postgres]'
	@touch $@

$(VENV)/.dev: $(VENV)/.uv pyproject.toml requirements.lock
	@echo "==> Installing irt-jax and what its tests need, PyMC included"
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -c requirements.lock -e '.[dev,bench,demo,postgres]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/.uv pyproject.toml requirements.lock
	@echo "==> Installing irt-jax and what its documentation needs"
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -c requirements.lock -e '.[docs]'
	@touch $@

lock: $(VENV)/.uv
	$(BIN)/uv pip compile pyproject.toml --universal --upgrade --no-annotate --no-header \
	  --extra dev --extra bench --extra demo --extra docs --extra postgres -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --universal --upgrade --no-annotate --no-header \
	  --extra gpu --extra postgres -c requirements.lock -o docker/requirements-cuda.lock
	printf 'hatchling>=1.26\nuv>=0.13\n' | $(BIN)/uv pip compile - --universal --upgrade --no-annotate --no-header \
	  -c requirements.lock -o docker/requirements-build.lock

clean:
	rm -rf $(VENV) $(VENV)-newer $(DEMO_DATABASE) demo_run docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
