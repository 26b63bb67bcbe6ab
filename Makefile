# Everything happens in .venv and in the tests' own node_modules; stamps keep a second run from installing again.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
# Tests wait for browsers and servers for a third of their time: one worker more than two cores.
JOBS ?= 3
# Python compiles what is imported; pip would compile all of pandas, too.
PIP := --quiet --disable-pip-version-check --no-compile
# Commands are started hundreds of times by tests: each would read all of its source anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test browsers screenshots lint bench soak keep fixture clean

run: $(STAMPS)/run
	@echo "The demo of Footfall. For a shop of your own: $(BIN)/footfall site add NAME --origin https://shop.example, then $(BIN)/footfall serve"
	@exec $(BIN)/footfall demo

# Tests of one browser stay in one worker (loadgroup), so that each browser starts once.
test:
	@$(MAKE) --no-print-directory -j4 $(STAMPS)/dev $(STAMPS)/sdk $(STAMPS)/axe $(STAMPS)/snippet browsers
	cd snippet && npm test --silent
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

browsers:
	@sh tests/browsers/install.sh

lint: $(STAMPS)/dev $(STAMPS)/snippet
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd snippet && npm run check --silent

# Every room at two widths, light and dark, for docs/.
screenshots: $(STAMPS)/dev browsers
	cd tests && ../$(BIN)/python -m browsers.screenshots ../docs/screenshots

bench: $(STAMPS)/dev
	@{ command -v wrk && command -v cc; } >/dev/null || { apt-get update -qq && apt-get install -y -qq wrk gcc libc6-dev; }
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(STAMPS)/dev browsers
	@{ command -v nginx && command -v caddy && command -v wrk; } >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq nginx-light caddy wrk; }
	FOOTFALL_SOAK=1 $(BIN)/python -m pytest -m soak -o timeout=1800 tests/soak tests/test_kill.py tests/test_courses.py tests/test_api_schemathesis.py tests/browsers $(ARGS)

# The present build of the snippet, for tags that are pinned to it: before it changes in a release.
keep: $(STAMPS)/dev
	$(BIN)/python snippet/keep.py

fixture: $(STAMPS)/dev
	$(BIN)/python tests/keeping.py

clean:
	rm -rf $(VENV) $(STAMPS) snippet/node_modules tests/sdk/node_modules tests/browsers/node_modules

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Footfall needs Python 3.11 or newer"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP) -e '.[parquet]'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP) -e '.[dev,parquet]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/run

$(STAMPS)/sdk: tests/sdk/package-lock.json
	cd tests/sdk && npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/snippet: snippet/package-lock.json
	cd snippet && npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/axe: tests/browsers/package-lock.json
	cd tests/browsers && npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p $(STAMPS) && touch $@
