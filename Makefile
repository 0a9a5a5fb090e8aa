# Everything needs nothing but make and Python 3.11 to 3.13: each target sets up .venv by itself.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := demo/melting-slab.lammpstrj.gz

# Tests start hundreds of processes, each of which would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# A file's tests run in one worker, in the order of tests/conftest.py: those that take long first.
WORKERS := --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: demo test quick plain future check fix docs bench clean

# Label a real trajectory (ice melting into water) and print the table of phases.
demo: $(VENV)/.core
	@mkdir -p demo-output
	$(BIN)/iceclass label $(DEMO) -o demo-output/melting-slab.labels.lammpstrj --force

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(WORKERS) $(PYTEST)

# Without what takes more than seconds: for the edit loop.
quick: $(VENV)/.dev
	$(BIN)/python -m pytest $(WORKERS) -m "not slow and not md" $(PYTEST)

# The tests of whatever runs compiled code, once more with the plain loops that stand in where vector
# code does not compile; make test runs a part of them so.
plain: PLAIN := $(addprefix tests/unit/descriptors/test_,soap.py bispectrum.py acsf.py averaging.py)
plain: PLAIN += tests/physics tests/unit/model/test_classify.py tests/unit/labelling
plain: $(VENV)/.dev
	ICECLASS_KERNELS=plain $(BIN)/python -m pytest $(WORKERS) $(PLAIN) $(PYTEST)

# The tests of compiled code with the newest releases of Numba and llvmlite, in an environment of
# their own: what breaks here will break for users when the bounds in pyproject.toml are lifted.
future: FUTURE := .venv-future
future:
	$(PYTHON) -m venv $(FUTURE)
	$(FUTURE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	$(FUTURE)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps numba llvmlite
	$(FUTURE)/bin/python -m pip list | grep -i -E "^(numba|llvmlite) "
	NUMBA_CACHE_DIR=$(FUTURE)/numba ICECLASS_KERNELS=vector $(FUTURE)/bin/python -m pytest -q tests/unit/kernels tests/unit/neighbours tests/unit/descriptors tests/physics $(PYTEST)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# These pages as HTML, docs/_build/html/index.html; warnings are errors.
docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html

# Time per molecule of every descriptor against its reference; some minutes on a quiet machine.
bench: $(VENV)/.dev
	$(BIN)/iceclass bench -o bench

clean:
	rm -rf bench demo-output build dist docs/_build .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# What labelling needs.
$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

# What training, molecular dynamics and the tests need as well.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable ".[dev]"
	@touch $@ $(VENV)/.core
