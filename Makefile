# Everything a person or a CI runs. `make` alone lists it.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= data

.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint bench schemas clean

help:            ## list the targets
	@grep -E '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(BIN)/.ready  ## make .venv from the lock file
$(BIN)/.ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup      ## one event of each kind from sender to receiver, checked; exits 0 only if all arrived once
	$(BIN)/tocsin demo

run: setup       ## a gateway on 127.0.0.1:8080, store in ./data, loopback receivers allowed
	$(BIN)/tocsin serve --data-dir $(DATA) --allow-networks 127.0.0.0/8,::1/128

test: setup lint ## all tests
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests

lint: setup      ## style, types, imports, schema drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/tocsin schemas --check

bench: setup     ## speed as ratios to floors measured in the same run
	$(BIN)/python -m bench

schemas: setup   ## write the generated schemas again
	$(BIN)/tocsin schemas

clean:           ## remove what was built
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
