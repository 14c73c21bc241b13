# Every target sets itself up: Python 3.11 or newer with pip, git and make are enough.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: tour test check lint format types contracts docs benchmarks clean

## The main job: derive, run and compare the notebook's network with Keras, write LaTeX and the site.
tour: $(READY)
	$(BIN)/rnnsym tour

## The tests. Those that need pdflatex or Chromium say so and skip where these are missing.
test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadscope

## Everything that must be green before a commit.
check: lint types contracts docs test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

docs: $(READY)
	$(BIN)/rnnsym docs build -o build/site

benchmarks: $(READY)
	$(BIN)/python benchmarks/run.py

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf build dist site $(VENV)
