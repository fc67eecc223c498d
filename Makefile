# Every target makes the virtual environment itself; nothing else has to be set up.
PYTHON ?= python3
WORKERS ?= 2
SIZE ?= capped
RESULTS ?= benchmarks/results

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test coverage check format universal smoke benchmark clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       run the main job on data that ships with a dependency"
	@echo "make test       run all tests"
	@echo "make coverage   run all tests and report what they do not reach"
	@echo "make check      formatter, linter, types, import layers, spelling"
	@echo "make format     format the code and apply the linter's safe fixes"
	@echo "make universal  re-make the universal surrogates that the package ships"
	@echo "make smoke      run the benchmark with every loss that ships, in a minute"
	@echo "make benchmark  run the benchmark's tables, in two hours on two cores"
	@echo "make install    only make the virtual environment"
	@echo "make clean      remove caches and build output"

install: $(STAMP)

# The stamp is written last, so an interrupted or outdated installation is done again.
$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV): this takes a few minutes the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[dev]' --constraint constraints.txt
# what LibAUC asks for takes 6 GB, of which the losses compared here use nothing
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps libauc==2.0.1
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

smoke: $(STAMP)
	$(BIN)/losslearn benchmark run smoke --jobs $(WORKERS) --out $(RESULTS)

# every table can be stopped, and goes on where it was
benchmark: $(STAMP)
	for preset in honest table3 table2; do \
		$(BIN)/losslearn benchmark run $$preset --size $(SIZE) \
			--jobs $(WORKERS) --out $(RESULTS) || exit 1; \
	done
	$(BIN)/losslearn benchmark figures --out $(RESULTS)
	$(BIN)/losslearn benchmark runtime --out $(RESULTS)
	$(BIN)/losslearn benchmark report --size $(SIZE) --out $(RESULTS)

clean:
	rm -rf build dist .coverage .coverage.* htmlcov .hypothesis \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
