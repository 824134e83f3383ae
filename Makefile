# Needs python3 (3.11 or newer), pip and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHIPPED := $(wildcard src/visual_rag/weights/*)

.PHONY: help demo test lint types format clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/visual-rag: pyproject.toml $(SHIPPED)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "visual_rag needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/tested: $(BIN)/visual-rag
	$(BIN)/python -m pip install --quiet --editable '.[colpali,qdrant]' --group dev
	touch $@

demo: $(BIN)/visual-rag  ## ingest the sample manuals and ask five questions
	$(BIN)/python examples/demo.py

test: lint types $(VENV)/tested  ## lint, types, import rules, spelling and all tests
	$(BIN)/python -m pytest

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md src tests training examples benchmarks

types: $(VENV)/tested
	$(BIN)/mypy

format: $(VENV)/tested  ## put the code into the project's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what make has built
	rm -rf $(VENV) build dist
