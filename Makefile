# `make` lists what there is. Nothing needs to be prepared but Python 3.11 or newer, and Node.js for rum/.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# npm writes it last.
RUM_INSTALLED := rum/node_modules/.package-lock.json
# --use-pep517: old versions of pip would otherwise call setup.py in a way that is on its way out.
# -qq: errors only.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --use-pep517

# Datadog's validators want versions of their own.
VALIDATE := .venv-validate
VALIDATE_INSTALLED := $(VALIDATE)/.installed

# Chosen by running them, best first: 3.13 is what the Agent embeds, and pyenv leaves shims that exist but fail.
# PYTHON=/path/to/python overrides.
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)
PYTHON_3_13 = python3.13 $(wildcard $(PYENV)/versions/3.13*/bin/python)
PYTHON_CANDIDATES = $(PYTHON_3_13) \
	python3.12 $(wildcard $(PYENV)/versions/3.12*/bin/python) \
	python3.11 $(wildcard $(PYENV)/versions/3.11*/bin/python) \
	python3
IS_USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
IS_3_13 := import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types gallery pictures validate generate bench bundle wheel \
	rum-test rum-example rum-picture clean

help:  ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## make .venv with everything that the other targets need

$(INSTALLED): setup.py
	@chosen=; for candidate in $(or $(PYTHON),$(PYTHON_CANDIDATES)); do \
		if "$$candidate" -c '$(IS_USABLE)' >/dev/null 2>&1; then chosen=$$candidate; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
		echo 'No Python 3.11 or newer (with venv and pip) runs here.' \
			'Install one, or name it: make setup PYTHON=/path/to/python' >&2; \
		exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$chosen" --version) ($$chosen)"; \
	"$$chosen" -m venv --clear $(VENV)
	@echo 'Installing the project and its tools (about a minute)'
	@$(PIP_INSTALL) --editable '.[dev]'
	@touch $@

demo: $(INSTALLED)  ## run the check on a simulated Statsig project and show what would reach Datadog
	@$(BIN)/statsig-datadog demo

# They start Python hundreds of times: without bytecode, each of these would compile all that it imports.
test: export PYTHONDONTWRITEBYTECODE :=
# Files are begun in the order of tests/conftest.py.
test: lint types rum-test  ## lint, types and all tests
	$(BIN)/pytest -q --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)  ## ruff: rules and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)  ## mypy, strict
	$(BIN)/mypy statsig datadog_checks tests bench deploy

gallery: $(INSTALLED)  ## write docs/events.md: what changes look like in Datadog
	@$(BIN)/python -m tests.datadog.gallery

pictures: $(INSTALLED)  ## draw docs/images: the dashboards with the sandbox's data
	@$(BIN)/python -m tests.assets.drawing docs/images

# What no validator of Datadog's looks at is held by tests of ours: they run with `make test` as well.
ASSET_TESTS := tests/ecosystem tests/assets/test_schema.py tests/assets/test_queries.py tests/assets/test_monitors.py \
	tests/assets/test_log_pipeline.py tests/configuration/test_models.py tests/test_readme.py

validate: $(VALIDATE_INSTALLED) $(INSTALLED)  ## Datadog's own validators for integrations, on the tracked files (needs Python 3.13)
	@echo "Datadog's validators, then the same on broken files"
	@$(VALIDATE)/bin/python -m tests.ecosystem
	@$(BIN)/pytest -q $(ASSET_TESTS)

$(VALIDATE_INSTALLED): tests/ecosystem/requirements.txt
	@chosen=; for candidate in $(PYTHON) $(PYTHON_3_13) python3; do \
		if "$$candidate" -c '$(IS_3_13)' >/dev/null 2>&1; then chosen=$$candidate; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
		echo "Datadog's validators (ddev) need Python 3.13, with venv and pip, and none runs here." \
			'Install it, or name it: make validate PYTHON=/path/to/python3.13' >&2; \
		exit 1; \
	fi; \
	echo "Setting up $(VALIDATE) with $$("$$chosen" --version) ($$chosen): about a minute"; \
	"$$chosen" -m venv --clear $(VALIDATE)
	@$(VALIDATE)/bin/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

generate: $(INSTALLED) $(VALIDATE_INSTALLED)  ## write again what is made from spec.yaml and from the table of metrics
	@$(VALIDATE)/bin/python -m tests.ecosystem --generate
	@$(BIN)/python -m tests.ecosystem.metadata > metadata.csv
	@$(BIN)/python -m tests.test_readme

bench: $(INSTALLED)  ## measure what check and relay cost: CPU, speed, memory (some minutes, on Linux)
	@$(BIN)/python -m bench

rum-test:  ## the browser package: types, size, tests with the real SDKs in Chromium; installs what it needs
	@rum/test.sh

$(RUM_INSTALLED): rum/package-lock.json
	@cd rum && npm ci --loglevel=error

rum-example: $(RUM_INSTALLED)  ## a shop that shows what Statsig decided beside what RUM was told, without any account
	@cd rum && node example/serve.mjs

rum-picture: $(RUM_INSTALLED)  ## write docs/images/rum-example.png, a picture of it (Chromium needed)
	@cd rum && node example/picture.mjs ../docs/images/rum-example.png

bundle: $(INSTALLED)  ## make the zip that is unpacked into /etc/datadog-agent (docs/installation.md)
	@$(BIN)/python deploy/agent/package.py bundle

wheel: $(INSTALLED)  ## make the wheel for images of the Agent (docs/installation.md)
	@$(BIN)/python deploy/agent/package.py wheel

clean:  ## remove .venv and everything that was made
	rm -rf $(VENV) $(VALIDATE) rum/node_modules rum/dist build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
