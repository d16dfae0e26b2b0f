# Cổng Xanh: the table of contents. Every target sets up what it needs on a bare Debian, Ubuntu or
# Raspberry Pi OS machine with Python 3.11 or newer.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
T ?= tests
WORKERS ?= 2
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help setup system system-test i18n demo demo-once test lint bench trace night fuzz fmt lock clean

help: ## This page
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

# --- set-up: each step leaves a stamp, so a second run costs nothing ------------------------------------

$(VENV)/.system: tools/system_packages.sh
	@tools/system_packages.sh kiosk
	@mkdir -p $(VENV) && touch $@

$(VENV)/.system-test: tools/system_packages.sh
	@tools/system_packages.sh kiosk browser postgresql
	@mkdir -p $(VENV) && touch $@

$(VENV)/.installed: requirements.lock setup.cfg pyproject.toml $(VENV)/.system
	@tools/make_venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/.i18n: $(VENV)/.installed $(wildcard verifier_service/translations/*/LC_MESSAGES/*.po)
	@$(VENV)/bin/pybabel -q compile -d verifier_service/translations
	@touch $@

setup: $(VENV)/.installed $(VENV)/.i18n ## Virtual environment, locked packages, catalogues

# --- run ------------------------------------------------------------------------------------------------

demo: setup ## Service and one simulated kiosk until Ctrl-C; prints the addresses
	@APP_ENV=demo $(PY) demo/run.py

demo-once: setup ## The same without staying: one JSON line a scan, then a summary
	@APP_ENV=demo $(PY) demo/run.py --once

# --- judge ----------------------------------------------------------------------------------------------

test: setup $(VENV)/.system-test ## All tests but those marked night; times printed per tier; T=path narrows
	@$(PY) tools/test_tiers.py --workers $(WORKERS) $(T)

lint: setup ## Style, strict types, doors between the rooms
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

fmt: setup ## Format and mend what can be mended by itself
	@$(VENV)/bin/ruff check --fix . && $(VENV)/bin/ruff format .

bench: setup ## Speed as ratios, interleaved in one run; writes var/bench.json
	@$(PY) -m benchmarks.bench

trace: setup ## Every requirement id with the tests that carry it
	@$(PY) tools/trace.py

night: setup $(VENV)/.system-test ## Volume and chaos; the log is kept under var/night
	@mkdir -p var/night
	@$(PY) -m pytest -m night -p no:xdist --timeout=7200 $(T) 2>&1 | tee "var/night/$$(date +%Y%m%dT%H%M%S).log"

MINUTES ?= 20
FUZZ := var/fuzz/venv

$(FUZZ)/.installed: tests/fuzz/requirements.lock $(VENV)/.installed
	@$(PY) -m venv $(FUZZ)
	@$(PY) -c "import site; print(site.getsitepackages()[0])" > "$$($(FUZZ)/bin/python -c 'import site; print(site.getsitepackages()[0])')/product.pth"
	@$(FUZZ)/bin/pip install -q -r tests/fuzz/requirements.lock
	@touch $@

fuzz: $(FUZZ)/.installed ## MINUTES=20 CPU minutes of hostile input a format; goes on where it stopped; writes docs/fuzz.md
	@$(FUZZ)/bin/python tests/fuzz/drive.py --minutes $(MINUTES)

lock: setup ## Resolve the dependencies of setup.cfg anew into the lock file
	@$(PY) -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --all-extras --generate-hashes --no-header --upgrade setup.cfg -o requirements.lock

clean: ## Remove what was built, keep what was recorded
	@rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
