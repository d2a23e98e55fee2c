# geoloom: the commands of a checkout. Needs Python 3.11 or newer and a package index; uses uv where it is installed.
#
#   make demo       a simulated scene through the whole cycle, into demo-out/ (open demo-out/report.html)
#   make test       all tests
#   make check      format, lint, types, layers, tests: what must pass before a change goes in
#   make bench      benchmarks, as ratios against a peer in the same run (40 minutes, 25 GB; short: BENCH=--quick)
#   make docs       the documentation site, into site/
#   make notebooks  the tutorials in examples/ as Jupyter notebooks, into notebooks-out/
#   make floors     all tests with the oldest libraries that pyproject.toml allows, in .venv-floors (6 GB; one part: TESTS=tests/io)

VENV    ?= .venv
WORKERS ?= 2
DEMO    ?= demo-out
BENCH   ?=
TESTS   ?=
FLOORS  ?= .venv-floors

# Which versions to install: the tested ones, or (`make floors`) the oldest.
CONSTRAINTS ?= constraints.txt

PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)

# The first interpreter that runs and is new enough (a version manager's shim may exist and not run).
FIND_PYTHON = for p in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done

# uv reads no pip.conf, so where it cannot reach the index pip has its turn.
define install
	$(if $(UV),$(UV) pip install --python $(PY) -c $(CONSTRAINTS) $(1) || )$(PY) -m pip install -c $(CONSTRAINTS) $(1)
endef

# One thread a test worker: the workers already fill the cores.
TEST_ENV = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Which program runs a notebook's cells: the one that every Jupyter has.
KERNEL   = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PYTEST   = $(TEST_ENV) $(PY) -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types bench docs notebooks floors clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

$(PY):
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then echo "make: no Python 3.11 or newer found; install one, or give it: make PYTHON=/path/to/python3" >&2; exit 1; fi; \
	echo "$$python -m venv $(VENV)"; "$$python" -m venv $(VENV)

# Stamps: an installation is repeated only when what it was made from changes.
$(VENV)/.installed: pyproject.toml $(CONSTRAINTS) | $(PY)
	@echo "installing geoloom into $(VENV) (the first time fetches PyTorch: some minutes)"
	$(call install,-e .)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(CONSTRAINTS) | $(PY)
	@echo "installing geoloom and its development tools into $(VENV) (the first time fetches PyTorch: some minutes)"
	$(call install,-e '.[dev]')
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(VENV)/.installed-dev
	$(call install,-e '.[docs]')
	@touch $@

demo: $(VENV)/.installed
	$(VENV)/bin/geoloom demo $(DEMO)

test: $(VENV)/.installed-dev
	$(PYTEST) -n $(WORKERS) --dist worksteal $(TESTS)

check: format lint types
	$(PYTEST) tests/test_layers.py
	$(PYTEST) -n $(WORKERS) --dist worksteal --durations=25 --deselect tests/test_layers.py
	$(PYTEST) -n $(WORKERS) --dist worksteal -m transcripts tests/test_questions.py

format: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format --check .

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .

types: $(VENV)/.installed-dev
	$(VENV)/bin/mypy

bench: $(VENV)/.installed-dev
	$(PY) -m benchmarks.help
	$(PY) -m benchmarks.memory_predict
	$(PY) -m benchmarks.loader $(BENCH)
	$(PY) -m benchmarks.index $(BENCH)
	$(PY) -m benchmarks.vector $(BENCH)
	$(PY) -m benchmarks.transforms
	$(PY) -m benchmarks.catalogue

docs: $(VENV)/.installed-docs
	$(VENV)/bin/mkdocs build --strict

notebooks: $(VENV)/.installed-dev
	mkdir -p notebooks-out
	for script in examples/*.py; do \
	  $(VENV)/bin/jupytext --to ipynb --update-metadata '$(KERNEL)' \
	    --output "notebooks-out/$$(basename "$$script" .py).ipynb" "$$script" || exit 1; \
	done

floors:
	$(MAKE) VENV=$(FLOORS) CONSTRAINTS=$(FLOORS)/floors.txt test

$(FLOORS)/floors.txt: pyproject.toml tools/floors.py | $(PY)
	$(PY) tools/floors.py > $@

clean:
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
