# make demo: the main job on a made-up site. make test: everything needed to pass the tests. make bench: how fast.
# make faults: what is lost or doubled when things break. make screens: a picture of every page.
.PHONY: demo setup test check bench screens guide sqlmap faults lock

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
DEV_STAMP := .venv/.installed-dev

demo: setup
	@$(BIN)/huifang demo $(ARGS)

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "huifang needs Python 3.11 or later; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@echo "installing the locked dependencies (a minute or two the first time)"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(STAMP)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

test: $(DEV_STAMP)
	@$(BIN)/python -m tests.servers install
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest -n 3 || $(AGAIN)

# Tests with real servers, kills and leases can fail for want of a processor: what failed beside others is run once
# more by itself, and only what fails again fails. Both runs are printed.
AGAIN = { echo "what failed is run once more, alone:"; \
	$(BIN)/python -m pytest -n 0 -p no:randomly --last-failed --last-failed-no-failures none; }

check: $(DEV_STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy

# BENCH=email,planning for some; BENCH_COUNT=20000 for a quick look; PROFILE=1 for where the time goes.
bench: $(DEV_STAMP)
	@$(BIN)/python -m tests.servers install bench
	@$(BIN)/python -m tests.benchmarks

# A picture of every page, large and on a phone, into docs/screens. SCREENS=members,inbox for some.
screens: $(DEV_STAMP)
	@$(BIN)/python -m tests.servers install screens
	@$(BIN)/python -m tests.browser.screens

# The walk of docs/guide.md and docs/guide.zh.md in a fresh house, with a picture of each step.
guide: $(DEV_STAMP)
	@$(BIN)/python -m tests.servers install screens
	@$(BIN)/python -m tests.browser.guide

# sqlmap against what every list searches, sorts and filters by, on both databases; some minutes. DEEP=1 for an hour.
sqlmap: $(DEV_STAMP)
	@$(BIN)/python -m tests.servers install sqlmap
	@$(BIN)/python -m tests.sqlmap

# Every fault in full, about half an hour; writes the table of docs/reliability.md.
faults: $(DEV_STAMP)
	@$(BIN)/python -m tests.servers install faults
	@FAULTS_TABLE=write $(BIN)/python -m pytest tests/faults -m "" -k "not short" -n 0 -p no:randomly $(ARGS)

# After a change of pyproject.toml; needs uv.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --no-header -q -o requirements-dev.lock
