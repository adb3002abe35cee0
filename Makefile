# Two commands do all: `make demo` runs the main job offline, `make test` passes the tests.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= demo

.PHONY: demo test test-services check docs clean lock

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

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "femtobarn needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# the lock file holds versions and digests, no address
lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --group dev --group docs pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) $(DEMO) docs/_build
