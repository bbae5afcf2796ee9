# Every target works in a fresh clone: it makes .venv first, which needs Python 3.11 or later and nothing else.
#   make run            the sample catalog through its DAG, once, with figures and searches
#   make up / down      Airflow with its UI at localhost:8080 (VECTORSHELF_UI_PORT), in the background
#   make airflow ARGS="dags list"    any airflow command, on that Airflow
#   make test / lint    what CI runs;  make test ARGS="tests/unit -k packing"
#   make bench          the benchmarks' table

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

.PHONY: setup run up airflow down test lint bench
.DEFAULT_GOAL := setup

setup: $(READY)

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("this needs Python 3.11 or later, found %d.%d: make setup PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "python3 lacks venv: apt install python3-venv (or your system's package of it)"; exit 1; }
	@echo "Installing into $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

run: $(READY)
	@$(BIN)/python scripts/run_sample.py

up: $(READY)
	@$(BIN)/python scripts/up.py

airflow: $(READY)
	@$(BIN)/python scripts/airflow_command.py $(ARGS)

down: $(READY)
	@$(BIN)/python scripts/down.py

# A file's tests stay on one process: they share a server, or an Airflow. In the order of their names, slow ones first.
# (`--dist loadgroup` of pytest-xdist 3.8 groups nothing under pytest 9.2.)
test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(READY)
	@$(BIN)/python -m benchmarks $(ARGS)
