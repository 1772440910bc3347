# Every target sets itself up: Python 3.11+, git, make and a package index are all it takes.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .slew/uv/bin/uv
VENV := .venv
BIN := $(VENV)/bin
unexport PYTHONDONTWRITEBYTECODE
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

.PHONY: help demo serve test torture lint check build deploy bench follow load generate lock audit clean
help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Slew needs Python 3.11 or newer; set PYTHON=...")'
	@$(PYTHON) -m venv .slew/uv
	@.slew/uv/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION)

$(BIN)/python: | $(UV)
	@$(UV) venv -q --python $(PYTHON) $(VENV)

$(VENV)/.local: requirements/local.txt | $(BIN)/python
	@echo "Installing the local stack's dependencies" && $(UV) pip install -q --require-hashes --compile-bytecode -r $< && touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing the development dependencies" && $(UV) pip install -q --require-hashes --compile-bytecode -r $< && touch $@ $(VENV)/.local

demo: $(VENV)/.local ## trigger follow-up of a supernova, end to end, and show each step
	@$(BIN)/python -m local.demo

serve: $(VENV)/.local ## keep the local stack up on http://127.0.0.1:8080 (SLEW_PORT)
	@$(BIN)/python -m local.serve

test: $(VENV)/.dev ## all tests
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST_ARGS)

torture: $(VENV)/.dev ## kill, cut off and race every function (SLEW_TORTURE_SEED); TORTURE_ARGS="-k lco"
	@$(BIN)/python -m pytest -o python_files="torture_*.py" -o timeout=900 tests/torture -q -n 2 --dist worksteal --show-capture=no $(TORTURE_ARGS)

lint: $(VENV)/.dev ## ruff, mypy, sam validate
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@SAM_CLI_TELEMETRY=0 $(BIN)/sam validate --lint

build: $(VENV)/.dev ## sam build, as for a deployment
	@SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/$(BIN):$(CURDIR)/.slew/uv/bin:$$PATH" $(BIN)/sam build

generate: $(VENV)/.local ## write the OpenAPI document and the facility catalogue from the code
	@$(BIN)/python -m local.generate

check: $(VENV)/.local ## fail if the committed documents are not what the code generates
	@$(BIN)/python -m local.generate --check

deploy: build ## publish what was built as new versions, on a stack that sam deploy --guided has made
	@SAM_CLI_TELEMETRY=0 $(BIN)/sam deploy --parameter-overrides BuildId=$$(date -u +%s | sha256sum | cut -c1-32) $(DEPLOY_ARGS)

bench: $(VENV)/.dev ## measure cold start and warm time of every function
	@$(BIN)/python -m benchmarks.functions

follow: $(VENV)/.dev ## simulate how 100,000 live requests are followed, and write docs/following.md
	@$(BIN)/python -m benchmarks.following

load: $(VENV)/.dev ## submit LOAD_REQUESTS (10000) requests with faults on; from 10,000 on write docs/reliability.md, "Load"
	@$(BIN)/python -m benchmarks.load --requests $${LOAD_REQUESTS:-10000} $(LOAD_ARGS)

lock: $(UV) ## resolve the dependencies anew
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url pyproject.toml --group dev -o requirements/dev.txt
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -c requirements/dev.txt pyproject.toml --group local -o requirements/local.txt
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -c requirements/dev.txt pyproject.toml -o layers/slew/requirements.txt
	@for group in mma plots; do $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -c requirements/dev.txt --group $$group -o functions/$$group/requirements.txt; done

audit: $(BIN)/python ## look whether a locked dependency has a known vulnerability
	@$(BIN)/python -m local.audit

clean: ## remove what the targets made
	@rm -rf .venv .slew .aws-sam .pytest_cache .mypy_cache .ruff_cache
