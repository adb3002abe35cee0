# Two commands do all: `make demo` runs the main job offline, `make test` passes the tests.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= demo

# BENCH=small is a quick look; what is needed lies in BENCH_DIR and is made once
BENCH ?= large
BENCH_DIR ?= build/bench
BENCH_PYTHON := $(BENCH_DIR)/venv/bin/python -W ignore
BENCH_SIZE_small := --files 2 --events 50000
BENCH_SIZE_large := --files 8 --events 250000
BENCH_RESULTS_small := $(BENCH_DIR)/results-small
BENCH_RESULTS_large := benchmarks
BENCH_FLAGS_small := --small
SCALE_RESULTS_small := $(BENCH_DIR)/scale-small
SCALE_RESULTS_large := benchmarks/scale
SPECTRA_RESULTS_small := $(BENCH_DIR)/spectra-small
SPECTRA_RESULTS_large := benchmarks/spectra

.PHONY: demo test test-services check docs clean lock bench bench-scale bench-spectra

demo: $(READY)
	$(BIN)/femtobarn demo-data $(DEMO)/data
	$(BIN)/femtobarn run hzz --data $(DEMO)/data --out $(DEMO)/run

test: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile -m "not services"

# real servers on this machine, and faults that take seconds
test-services: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile -m services

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build
	@echo docs/_build/index.html

# the peers in an environment of their own, the input written by ROOT, then the measurement
bench: $(READY) $(BENCH_DIR)/venv/.ready
	$(if $(BENCH_SIZE_$(BENCH)),,$(error BENCH is small or large, but got $(BENCH)))
	$(BENCH_PYTHON) benchmarks/generate.py $(BENCH_DIR)/$(BENCH) $(BENCH_SIZE_$(BENCH))
	$(BENCH_PYTHON) benchmarks/bench.py --femtobarn $(BIN)/femtobarn --input $(BENCH_DIR)/$(BENCH) \
	    --work $(BENCH_DIR)/work --results $(BENCH_RESULTS_$(BENCH)) $(BENCH_FLAGS_$(BENCH))
	@echo $(BENCH_RESULTS_$(BENCH))/results.md

# executors: overhead, queueing, speed-up, workers that wait for a far server, growth; STEP=far measures one of them
bench-scale: $(READY)
	$(if $(SCALE_RESULTS_$(BENCH)),,$(error BENCH is small or large, but got $(BENCH)))
	$(BIN)/python -W ignore -m benchmarks.scale --work $(BENCH_DIR)/scale --results $(SCALE_RESULTS_$(BENCH)) \
	    $(BENCH_FLAGS_$(BENCH)) $(addprefix --only ,$(STEP))
	@echo $(SCALE_RESULTS_$(BENCH))/results.md

# mass spectra: the whole chain and its peers, growth, memory; STEP=growth measures one of them
bench-spectra: $(READY) $(BENCH_DIR)/venv/.ready
	$(if $(SPECTRA_RESULTS_$(BENCH)),,$(error BENCH is small or large, but got $(BENCH)))
	$(BIN)/python -W ignore -m benchmarks.spectra --peers $(BENCH_DIR)/venv/bin/python --work $(BENCH_DIR)/spectra \
	    --results $(SPECTRA_RESULTS_$(BENCH)) $(BENCH_FLAGS_$(BENCH)) $(addprefix --only ,$(STEP))
	@echo $(SPECTRA_RESULTS_$(BENCH))/results.md

$(BENCH_DIR)/venv/.ready: benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH_DIR)/venv
	$(BENCH_DIR)/venv/bin/pip install --quiet --require-hashes -r benchmarks/requirements.txt
	touch $@

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "femtobarn needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# lock files hold versions and digests, no address; what the image needs is a part of what developers have
LOCK := uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links
LOCK_IMAGE := $(LOCK) --python-platform x86_64-manylinux_2_28 --constraints requirements.lock

lock: $(READY)
	$(BIN)/$(LOCK) --universal --group dev --group docs pyproject.toml -o requirements.lock
	$(BIN)/$(LOCK_IMAGE) --extra metrics --extra rabbitmq --extra xrootd pyproject.toml \
	    -o containers/requirements.lock
	echo 'setuptools>=77' | $(BIN)/$(LOCK_IMAGE) - -o containers/build.lock

clean:
	rm -rf $(VENV) $(DEMO) docs/_build
