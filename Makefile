# `make run` and `make test` are all a newcomer needs; README.md explains the rest.
PORT ?= 8000
DATA_DIR ?= var
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV_PYTHON := .venv/bin/python
# Many tests wait for servers and workers, so two more at a time than there are cores pay.
# The threads of numpy would only get into each other's way.
PYTEST := OPENBLAS_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -n $(shell expr `nproc 2>/dev/null || echo 1` + 2) --maxprocesses 5
POOLED := $(shell grep -rlw pooled --include='test_*.py' tests)
CAMPAIGNS := $(shell grep -rlE "mark.campaign|\bworkers: Workers" --include="test_*.py" tests)
export PORT DATA_DIR ONLY QUICK SEEDS
# Tests start many processes, each of which would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# What lint needs to load the settings as production does; no server is asked.
LINT_ENVIRONMENT := DEBUG=off SECRET_KEY=lint-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP \
	DATABASE_URL=postgres://lint@127.0.0.1:1/lint ALLOWED_HOSTS=civiclens.example \
	EMAIL_URL=smtp+tls://lint:lint@mail.civiclens.example:587 SMS_PROVIDER_URL=https://sms.civiclens.example \
	SMS_PROVIDER_TOKEN=lint

.DEFAULT_GOAL := help
.PHONY: help setup setup-spark run test test-campaigns test-spark format lint lint-types lint-rules bench faults

help:  ## list these commands
	@grep -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## (.*)/  make \1\t\2/' | expand -t 20

setup:  ## make .venv with everything in it
	@$(PYTHON) -m config.development.environment development

run:  ## PostgreSQL, RabbitMQ, web and workers, with a demo city: make run PORT=8000 DATA_DIR=var
	@$(PYTHON) -m config.development.environment
	@exec $(VENV_PYTHON) -m config.development.run

test: setup  ## every test but the campaigns: make test [ARGS="tests/jobs -k relay"]
	@$(VENV_PYTHON) -m config.development.system
	$(if $(ARGS),,TESTS_COVERAGE=on )$(PYTEST) $(or $(ARGS),-m "not campaign" --durations=20)

test-campaigns: setup  ## the tests that break or judge the whole system for minutes; before a merge they run too
	@$(VENV_PYTHON) -m config.development.system
	$(PYTEST) -m campaign --durations=0 $(CAMPAIGNS) $(ARGS)
	@# What asks much of PostgreSQL runs once more through PgBouncer.
	TESTS_THROUGH_PGBOUNCER=on $(PYTEST) -n 2 -m pooled $(POOLED)

setup-spark: setup
	@$(PYTHON) -m config.development.environment development spark
	@$(VENV_PYTHON) -m config.development.system spark

test-spark: setup-spark  ## the tests of Apache Spark, which it installs with Java
	TESTS_WITH_SPARK=on SPARK_PARTITIONS=2 SPARK_MASTER='local[2]' $(VENV_PYTHON) -m pytest tests/spark -p no:cacheprovider

format: setup  ## bring the code into its style
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

lint: setup  ## style, types, layers, migrations, deployment checks
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint-types lint-rules

lint-types:
	$(LINT_ENVIRONMENT) $(VENV_PYTHON) -m mypy .

lint-rules:
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	.venv/bin/lint-imports
	$(LINT_ENVIRONMENT) $(VENV_PYTHON) manage.py makemigrations --check --dry-run
	$(LINT_ENVIRONMENT) $(VENV_PYTHON) manage.py check --deploy --fail-level WARNING

bench: setup  ## every benchmark: make bench [ONLY=ledger] [QUICK=1]
	$(VENV_PYTHON) -m benchmarks

faults: setup  ## the real system under load, broken again and again: make faults [SEEDS=3] [QUICK=1]
	@$(VENV_PYTHON) -m config.development.system
	$(VENV_PYTHON) -m tests.faults
