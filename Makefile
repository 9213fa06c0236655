# Two commands on a fresh machine with Python >= 3.11, git and make: `make demo` and `make test`. Both install into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CUSTOMERS ?= 20000
PORT ?= 3000
LOCK_RULES := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url
HOME_OF_DAGSTER := $(CURDIR)/data/dagster_home
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test checks lint format types bench dev docs lock clean forget

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

install: $(VENV)/.installed  ## make .venv from requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: install  ## make the demo client's delivery, run the platform on it, print where the deliverables are
	$(BIN)/crm-platform demo --customers $(CUSTOMERS)

# The checks of types, imports and the code location use one core while the tests run; they are told if they fail.
test: install lint  ## lint, types, import order, the code location, and every test
	@$(MAKE) --no-print-directory checks > $(VENV)/checks.log 2>&1 & checks=$$!; \
	$(BIN)/pytest; tested=$$?; \
	wait $$checks || { cat $(VENV)/checks.log; exit 1; }; \
	exit $$tested

checks: types  ## types, import order, the code location
	$(BIN)/lint-imports
	$(BIN)/dagster definitions validate -w workspace.yaml --log-level error

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install  ## let ruff mend and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types:
	$(BIN)/mypy

bench: install  ## speed and memory beside a baseline
	$(BIN)/python -m crm_platform_tests.benchmarks
	$(BIN)/python -m crm_platform_tests.benchmarks.admission
	$(BIN)/python -m crm_platform_tests.benchmarks.reading
	$(BIN)/python -m crm_platform_tests.benchmarks.reports
	$(BIN)/python -m crm_platform_tests.benchmarks.fuzzing
	$(BIN)/python -m crm_platform_tests.benchmarks.purchase_models
	$(BIN)/python -m crm_platform_tests.benchmarks.forecast
	$(BIN)/python -m crm_platform_tests.benchmarks.campaigns
	$(BIN)/python -m crm_platform_tests.benchmarks.subscriptions
	$(BIN)/python -m crm_platform_tests.benchmarks.lapse_alerts
	$(BIN)/python -m crm_platform_tests.benchmarks.lapse_alerts --cost
	$(BIN)/python -m crm_platform_tests.benchmarks.diagnosis --null 100 --planted
	$(BIN)/python -m crm_platform_tests.benchmarks.diagnosis_cost --customers 2000000 --questions
	$(BIN)/python -m crm_platform_tests.benchmarks.refresh_cost
	$(BIN)/python -m crm_platform_tests.benchmarks.scale
	$(BIN)/python -m crm_platform_tests.benchmarks.held_models --real

dev: install  ## the Dagster UI on 127.0.0.1
	@$(BIN)/python -m crm_platform.orchestration.dagster_home $(HOME_OF_DAGSTER)
	DAGSTER_HOME=$(HOME_OF_DAGSTER) $(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

lock: install  ## resolve requirements.lock and the image's anew from pyproject.toml: pins and hashes only
	$(BIN)/uv pip compile -q pyproject.toml --group test --extra production $(LOCK_RULES) -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --group image --extra production --extra kubernetes \
	    -c requirements.lock $(LOCK_RULES) -o deploy/requirements.lock

clean:  ## remove the virtual environment and caches; deliveries and what was made from them stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

forget:  ## remove the demo client's deliveries and all made from them, to make another
	rm -rf $(addprefix data/,$(addsuffix /demo,inbox lake outbox alerts contacts backtests drafts projects arrivals)) data/inbox/.sealed/demo data/demo

docs: install  ## write the generated part of the documentation
	$(BIN)/python -m crm_platform.tables.dictionary > docs/data_dictionary.md
	$(BIN)/python -m crm_platform.diagnosis.kpis.book > docs/kpis.md
