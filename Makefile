# Every target makes the virtual environment itself; nothing else has to be set up.
PYTHON ?= python3
WORKERS ?= 2
SIZE ?= capped
RESULTS ?= bench/results

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SETTINGS := pyproject.toml bench/pyproject.toml constraints.txt
DEMO := $(VENV)/.for-demo
DEV := $(VENV)/.for-tests
BENCH := $(VENV)/.for-bench

.PHONY: help install demo test test-bench test-wheel coverage check format docs universal \
	smoke benchmark clean
.DEFAULT_GOAL := help

help:
	@echo "make demo        run the main job on data that ships with a dependency"
	@echo "make test        run the package's tests"
	@echo "make test-bench  run the tests of the experiments (bench/)"
	@echo "make test-wheel  build the wheel, and use it where nothing else is installed"
	@echo "make check       formatter, linter, types, import layers, spelling"
	@echo "make docs        build the pages into build/site, and check their links"
	@echo "make format      format the code and apply the linter's safe fixes"
	@echo "make coverage    run the package's tests and report what they do not reach"
	@echo "make universal   re-make the universal surrogates that the package ships"
	@echo "make smoke       run the experiments with every loss that ships, in a minute"
	@echo "make benchmark   run the experiments' tables, in two hours on two cores"
	@echo "make install     only make the virtual environment, with all of this"
	@echo "make clean       remove caches and build output"

install: $(BENCH)

# Each stamp is written last, so an interrupted or outdated installation is done again.
$(DEMO): $(SETTINGS)
	@echo "Installing into $(VENV): this takes a minute the first time."
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[fast]' --constraint constraints.txt
	@touch $@

$(DEV): $(DEMO)
	$(PIP) --editable '.[dev]' --constraint constraints.txt
	@touch $@

$(BENCH): $(DEV)
	$(PIP) --editable . --editable './bench[peers,ray]' --constraint constraints.txt
# what LibAUC asks for takes 6 GB, of which the losses compared here use nothing
	$(PIP) --no-deps libauc==2.0.1
	@touch $@

demo: $(DEMO)
	$(BIN)/losslearn demo

test: $(DEV)
	$(BIN)/python -m pytest -n $(WORKERS)

test-bench: $(BENCH)
	cd bench && ../$(BIN)/python -m pytest -n $(WORKERS)

test-wheel: $(DEV)
	$(BIN)/python tests/wheel/use_wheel.py

coverage: $(DEV)
	$(BIN)/python -m pytest -n $(WORKERS) --cov

check: $(BENCH)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos
	cd bench && ../$(BIN)/mypy && ../$(BIN)/lint-imports

# the pages link to results and to each other as they lie in the repository
docs: $(DEV)
	rm -rf build/docs && mkdir -p build/docs
	tar -cf - *.md LICENSE examples docs bench/README.md bench/results constraints.txt \
		| tar -xf - -C build/docs
	$(BIN)/mkdocs build --quiet --strict
	@echo "build/site/index.html"

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

universal: $(DEMO)
	$(BIN)/losslearn universal all

smoke: $(BENCH)
	$(BIN)/losslearn-bench run smoke --jobs $(WORKERS) --out $(RESULTS)
	$(BIN)/losslearn-bench run decisions_smoke --jobs $(WORKERS) --out $(RESULTS)
	$(BIN)/losslearn-bench run strong_smoke --jobs $(WORKERS) --out $(RESULTS)

# every table can be stopped, and goes on where it was
benchmark: $(BENCH)
	for preset in honest table3 table2; do \
		$(BIN)/losslearn-bench run $$preset --size $(SIZE) \
			--jobs $(WORKERS) --out $(RESULTS) || exit 1; \
	done
	$(BIN)/losslearn-bench figures --out $(RESULTS)
	$(BIN)/losslearn-bench runtime --out $(RESULTS)
	$(BIN)/losslearn-bench report --size $(SIZE) --out $(RESULTS)

clean:
	rm -rf build dist .coverage .coverage.* htmlcov .hypothesis \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src bench tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
