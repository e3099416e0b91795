# Everything a newcomer needs: make demo, make check, make test. CONTRIBUTING.md shows the same for Windows.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
RELEASE := .venv/release-installed
NPM := npm install --silent --no-save --no-audit --no-fund --ignore-scripts --legacy-peer-deps --fetch-retries=0 --prefix
PYTHON_VERSIONS ?= 3.10 3.11 3.12 3.13 3.14
PLATFORMS ?= linux windows

.PHONY: demo check unit test test-offline test-windows lint format types imports docs bench soak disaster replays screenshots measures dist wheelhouse clean axe old-browser

demo: $(STAMP)
	@$(BIN)/pywats-archive demo $(if $(DIR),--dir "$(DIR)")

check: $(STAMP)
	@$(MAKE) --no-print-directory --jobs --output-sync=target lint types imports unit

unit: $(STAMP)
	@echo "== unit tests"
	@$(BIN)/python -m pytest -n 3 -m "not spawned and not long" tests/unit

test: lint types imports browser axe old-browser
	@echo "== tests"
	@$(BIN)/python -m pytest

test-windows: $(STAMP)
	@$(BIN)/python -m tools.windows

browser: # the tests of the web pages need one
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -q -y chromium; } >/dev/null 2>&1 \
	|| echo "no Chromium: its tests are skipped; install the package chromium"

axe: $(STAMP) # the test of accessibility needs axe-core
	@test -f .venv/axe/node_modules/axe-core/axe.min.js || $(NPM) .venv/axe axe-core@4.14.1 \
	|| echo "no axe-core: its tests are skipped; install npm, then run make axe with a network"

old-browser: $(STAMP) # the test of old browsers needs Chromium 92, which the npm package holds compressed
	@test -x .venv/old-browser/chromium || { $(NPM) .venv/old-browser chrome-aws-lambda@10.1.0 && cd .venv/old-browser \
	&& node -e 'process.stdout.write(require("zlib").brotliDecompressSync(require("fs").readFileSync(process.argv[1])))' \
	node_modules/chrome-aws-lambda/bin/chromium.br > chromium && chmod +x chromium; } \
	|| echo "no Chromium 92: its tests are skipped; install npm, then run make old-browser with a network"

lint: $(STAMP)
	@echo "== format and lint"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(STAMP)
	@echo "== types"
	@$(BIN)/mypy

imports: $(STAMP)
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(STAMP)
	@$(BIN)/python -m tools.json_reference
	@$(BIN)/python -m tools.log_events
	@$(BIN)/python -m tools.proof_table

bench: $(STAMP)
	@$(BIN)/python -m bench

soak: $(STAMP)
	@$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),300) $(if $(SEED),--seed $(SEED))

disaster: $(STAMP)
	@ENTRIES=$(or $(ENTRIES),3000) $(BIN)/python -m pytest -n 0 tests/acceptance/test_vault_disaster.py

replays: $(STAMP)
	@ENTRIES=$(or $(ENTRIES),2000) $(BIN)/python -m pytest -n 0 tests/acceptance/test_plant_replay_kills.py

screenshots: $(STAMP) browser
	@$(BIN)/python -m tools.screenshots

measures: $(STAMP)
	@$(BIN)/python tools/measures.py

dist: $(RELEASE)
	@$(BIN)/python -m tools.release.dist

wheelhouse: $(RELEASE)
	@$(BIN)/python -m tools.release.wheelhouse --python-versions $(PYTHON_VERSIONS) --platforms $(PLATFORMS)

test-offline: $(RELEASE)
	@echo "== installation without a network"
	@$(BIN)/python -m pytest -n 0 tests/release

$(RELEASE): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[release]"
	@touch $@

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

clean:
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
