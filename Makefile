# Everything sets itself up: a virtual environment in .venv, with the versions of requirements.lock.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# An interpreter on which ArviZ 1.x runs (3.12 and newer), if the machine has one besides $(PYTHON).
NEWER ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python $(HOME)/.pyenv/versions/3.12*/bin/python) \
           $(shell command -v python3.13 2>/dev/null) $(shell command -v python3.12 2>/dev/null))

.PHONY: help demo test lint tests test-newer test-peers lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         calibrate real data with anchors and show the result"
	@echo "make test         linters, types and all tests, on every supported ArviZ that can be had"
	@echo "make test-peers   the long comparisons with PyMC, besides the one in make test"
	@echo "make lock         renew requirements.lock"
	@echo "make clean        remove what the other targets made"

demo: $(VENV)/.demo
	@echo "==> Demonstration: VerbAgg, last month's bank and this month's calibration"
	$(BIN)/irt-jax demo --out demo_run --overwrite

test: lint tests test-newer

lint: $(VENV)/.dev
	@echo "==> Linters and types"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

tests: $(VENV)/.dev
	@echo "==> Tests"
	$(BIN)/python -m pytest -m "not peers" --durations=10

test-newer:
ifeq ($(NEWER),)
	@echo "==> No Python 3.12 or newer besides $(PYTHON): tests under ArviZ 1.x left out"
else
	@echo "==> Tests under ArviZ 1.x: $$($(NEWER) --version)"
	@$(MAKE) --no-print-directory $(VENV)-newer/.dev VENV=$(VENV)-newer PYTHON=$(NEWER)
	$(VENV)-newer/bin/python -m pytest -m "not peers and not slow"
endif

test-peers: $(VENV)/.dev
	$(BIN)/python -m pytest -m peers

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
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -c requirements.lock -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.uv pyproject.toml requirements.lock
	@echo "==> Installing irt-jax and what its tests need, PyMC included"
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -c requirements.lock -e '.[dev,bench,demo,postgres]'
	@touch $@ $(VENV)/.demo

lock: $(VENV)/.uv
	$(BIN)/uv pip compile pyproject.toml --universal --upgrade --no-annotate --no-header \
	  --extra dev --extra bench --extra demo --extra postgres -o requirements.lock

clean:
	rm -rf $(VENV) $(VENV)-newer demo_run .pytest_cache .mypy_cache .ruff_cache .hypothesis
