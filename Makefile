# Two commands: `make audit` runs the whole audit on the embedded data, `make test` all tests.
# Before a release: `make explore` looks for new failing examples, `make portability` runs all tests
# under other processors' arithmetic, on one core, under load, and with the interpreters in PYTHONS.
PYTHON ?= python3
OUT ?= runs/first
BIN = .venv/bin

.PHONY: audit test explore portability lint clean

audit: .venv/installed
	$(BIN)/imprint audit --out $(OUT)

test: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

explore: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --hypothesis-profile=explore

portability: .venv/installed-dev
	$(BIN)/python benchmarks/portability.py $(foreach python,$(PYTHONS),--python $(python))

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

.venv/installed-dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@ .venv/installed

clean:
	rm -rf .venv runs
