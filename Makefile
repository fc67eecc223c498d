# Every target makes the virtual environment itself; nothing else has to be set up.
PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test coverage check format universal clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       run the main job on data that ships with a dependency"
	@echo "make test       run all tests"
	@echo "make coverage   run all tests and report what they do not reach"
	@echo "make check      formatter, linter, types, import layers, spelling"
	@echo "make format     format the code and apply the linter's safe fixes"
	@echo "make universal  re-make the universal surrogates that the package ships"
	@echo "make install    only make the virtual environment"
	@echo "make clean      remove caches and build output"

install: $(STAMP)

# The stamp is written last, so an interrupted or outdated installation is done again.
$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV): this takes a few minutes the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[dev]' --constraint constraints.txt
	@touch $@

demo: $(STAMP)
	$(BIN)/losslearn demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS)

coverage: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --cov

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

universal: $(STAMP)
	$(BIN)/losslearn universal all

clean:
	rm -rf build dist .coverage .coverage.* htmlcov .hypothesis \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
