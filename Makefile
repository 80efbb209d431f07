# Every target installs what it needs. `make` alone lists them.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

UV := .tools/uv
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=
# MkDocs tells of its successor on every run; we know (docs/adr/0015-tools.md).
export NO_MKDOCS_2_WARNING := 1
# How many tests run at once: a number, or `auto` for one a core.
WORKERS ?= auto

# Where mypy, ruff and friends find code of ours.
CODE := $(foreach folder,src tests bench tools,$(if $(wildcard $(folder)/*.py $(folder)/*/*.py),$(folder)))

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ARGS="…" is handed on, for instance: make test ARGS="tests/evidence -x"'

# --- the environment ---------------------------------------------------------------------------------------------

# A `python3` may be a version manager's shim that fails, so each candidate has to run first.
$(UV):
	@for python in python3 /usr/bin/python3 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then \
	    exec "$$python" tools/get_uv.py; \
	  fi; \
	done; \
	echo "No Python 3.8 or newer was found to fetch uv with. Install one, or put uv itself at $(UV)." >&2; exit 1

$(READY): pyproject.toml uv.lock | $(UV)
	$(UV) sync --locked
	@touch $@

.PHONY: setup
setup: $(READY) ## Install everything into .venv (at once when nothing changed)

# --- running it --------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(READY) ## Run a whole shop on this machine: a bench, the hub, a parcel; Ctrl-C ends it
	@exec $(BIN)/packwitness demo $(ARGS)

# --- judging it --------------------------------------------------------------------------------------------------

.PHONY: check
check: lint types law translated docs-build ## Everything CI asks for but the tests

.PHONY: lint
lint: $(READY)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

.PHONY: types
types: $(READY)
	$(BIN)/mypy $(CODE)

.PHONY: law
law: $(READY) ## Hold the import contracts (.importlinter)
	$(BIN)/lint-imports

.PHONY: translated
translated: $(READY)
	$(BIN)/python tools/translations.py check

.PHONY: docs-build
docs-build: $(READY)
	@site=$$(mktemp -d) && trap 'rm -rf "$$site"' EXIT && $(BIN)/mkdocs build --strict --quiet --site-dir "$$site"
	@echo "The documentation builds."

.PHONY: format
format: $(READY) ## Rewrite the code the way `make check` wants it
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

.PHONY: browser
browser: $(READY) ## Install the Chromium and the fonts that the browser tests need
	@$(BIN)/python tools/browser.py

.PHONY: fault-tools
fault-tools: $(READY)
	@$(BIN)/python -m tools.fault_tools

.PHONY: test
test: browser fault-tools ## Run all tests, those with a real browser too; without ARGS the hub's also on PostgreSQL
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)
	@$(if $(ARGS),,$(MAKE) test-postgres)

.PHONY: test-postgres
test-postgres: $(READY) ## Run the hub's tests on a PostgreSQL of their own
	PACKWITNESS_TEST_DATABASE=postgres $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not e2e" tests/hub

.PHONY: faults
faults: fault-tools ## Kill, stop, cut and garble station, hub, disk and cameras; print what was lost (--runs, --only, --soak, --json)
	$(BIN)/python -m tests.faults $(ARGS)

bench-%: $(READY) ## Run the benchmark bench/NAME.py
	$(BIN)/python -m bench.$* $(ARGS)

# --- making things -----------------------------------------------------------------------------------------------

.PHONY: screenshots
screenshots: browser ## Take the pictures that the documentation shows
	$(BIN)/python -m tools.screenshots $(ARGS)

.PHONY: translations
translations: $(READY) ## Collect new texts into the .po files and compile the .mo files
	$(BIN)/python tools/translations.py extract
	$(BIN)/python tools/translations.py compile

.PHONY: docs
docs: $(READY) ## Serve the documentation at http://127.0.0.1:8009 while you write it
	@exec $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8009 $(ARGS)

.PHONY: clean
clean: ## Remove what builds and tests left behind; .venv, .tools and data stay
	rm -rf site dist test-results bench-results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
