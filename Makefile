# Two commands do everything: `make run` and `make test`. Only Python 3.11 or newer is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
# Python compiles what it imports: compiling everything at once costs the first start a fifth.
INSTALL := $(PIP) --no-compile
# It keeps what it compiled, whatever a container says: else every start takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run build test check chaos siege walk lint bench browser clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: $(VENV)/run-ready ## Serve dashboard, /ws and HTTP on http://127.0.0.1:8000
	@exec $(BIN)/python -m photon_app

build: $(VENV)/run-ready ## Build the page and stop
	@exec $(BIN)/python -m photon_app build

test: $(VENV)/test-ready browser ## Run every test
	@$(BIN)/python -c 'from photon_app import launcher; launcher.build()'
	@exec $(BIN)/python -m pytest -n 4 --no-loadscope-reorder

check: lint ## Lint, types and unit laws only: no page, browser, database or process
	@exec $(BIN)/python -m pytest -n auto --unit -m "not slow"

chaos: $(VENV)/test-ready ## Play Finnhub's worst moods for 2 minutes; SEED=N plays one again
	@exec $(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

siege: $(VENV)/test-ready ## Attack a server beside honest clients, for 4 minutes; ONLY=name plays some
	@$(BIN)/python -c 'from photon_app import launcher; launcher.build()'
	@exec $(BIN)/python -m tests.siege $(if $(ONLY),--only $(ONLY))

walk: $(VENV)/test-ready browser ## Walk the page on six screens, with pictures in walk/; ONLY=name walks some
	@$(BIN)/python -c 'from photon_app import launcher; launcher.build()'
	@exec $(BIN)/python -m tests.walk $(if $(ONLY),--only $(ONLY)) $(if $(TOUR),--tour)

lint: $(VENV)/test-ready ## Lint, format and types of Python and JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/javascript.py

bench: $(VENV)/bench-ready ## Measure for 5 minutes, with FULL=1 for 40, and write bench/RESULTS.md
	@exec $(BIN)/python -m bench $(if $(FULL),--full)

browser: $(VENV)/test-ready
	@$(BIN)/python tests/browser.py

clean: ## Remove what was installed and built
	rm -rf $(VENV) .web .states .cache/javascript assets/external

$(VENV)/made:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Photon needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]}. Try make PYTHON=python3.12")'
	@echo "photon: making a virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) pip==26.3  # resolves and unpacks twice as fast as the one that Python 3.11 brings
	@touch $@

$(VENV)/run-ready: requirements.txt $(VENV)/made
	@echo "photon: installing what it needs (once; about a minute) …"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/test-ready: requirements-dev.txt requirements.txt $(VENV)/made
	@echo "photon: installing what its tests need (once) …"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@ $(VENV)/run-ready

$(VENV)/bench-ready: requirements-bench.txt $(VENV)/test-ready
	@echo "photon: installing what it is compared with (once) …"
	@$(INSTALL) -r requirements-bench.txt
	@touch $@
