# `make run` and `make test` set up .venv by themselves; a second call starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

DOCS_STAMP := $(VENV)/.installed-docs

.PHONY: run full test test-long test-slow test-processors bench bank lint docs lab clean
run: $(STAMP)
	$(BIN)/python examples/corridor_drift.py --overwrite

full: $(STAMP)
	$(BIN)/python examples/corridor_drift.py --full --out results/corridor_drift_full --checkpoint results/corridor_drift_full.npz --overwrite

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Tests of more than .3 s; together with `make test` they are all that is not slow.
test-long: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'long and not slow and not slurm'

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# As other processors would run them: other instruction sets, one thread and two; about six times as long.
test-processors: $(STAMP)
	tests/processors.sh

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/bench_engines.py
	$(BIN)/python tests/benchmarks/bench_camera.py
	$(BIN)/python tests/benchmarks/bench_information.py
	$(BIN)/python tests/benchmarks/bench_circuits.py
	$(BIN)/python tests/benchmarks/bench_kernels.py
	$(BIN)/python tests/benchmarks/bench_landscape.py
	$(BIN)/python tests/benchmarks/bench_similarity_matching.py
	$(BIN)/python tests/benchmarks/bench_denoising.py
	$(BIN)/python tests/benchmarks/bench_sweep.py
	$(BIN)/python tests/benchmarks/bench_large_sessions.py
	$(BIN)/python tests/benchmarks/bench_reading.py
	$(BIN)/python tests/benchmarks/bench_observing.py
	$(BIN)/python tests/benchmarks/bench_halves.py
	$(BIN)/python tests/benchmarks/bench_decoding.py
	$(BIN)/python tests/benchmarks/bench_stability.py
	$(BIN)/python tests/benchmarks/bench_devices.py

# Simulated runs that recordings are held against, some 70 core-minutes; goes on where it stopped.
bank: $(STAMP)
	mkdir -p results
	$(BIN)/repdrift infer --make-bank results/bank.nc --small --no-parameters --overwrite

docs: $(DOCS_STAMP)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

lab: $(DOCS_STAMP)
	mkdir -p results/notebooks
	for text in examples/notebooks/*.py; do notebook=results/notebooks/$$(basename $$text .py).ipynb; \
	  [ -e $$notebook ] || $(BIN)/jupytext --quiet --to ipynb --output $$notebook $$text || exit 1; done
	$(BIN)/jupyter lab --notebook-dir results/notebooks

lint: $(STAMP)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

clean:
	rm -rf $(VENV)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,dev]'
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,dev,docs,notebook,nwb]'
	touch $@
