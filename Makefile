# Needs Python >= 3.11 and make; everything else is fetched into $(VENV) and the user's cache folder.
PYTHON ?= python3
PY_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv-$(PY_VERSION)
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_VENV := .venv-bench-$(PY_VERSION)
BENCH_READY := $(BENCH_VENV)/.ready
ARGS ?=
RUNS ?= 10
SEED ?= random
# How many processes share the tests; ARGS=-n0 runs them in one, as --pdb needs it.
WORKERS ?= 2
# Where the tests take Kafka and PostgreSQL from: local (the packaged ones) or containers (a Docker engine).
STACK ?= local
# Hundreds of processes are started from the same sources; one that has to compile them takes 7 s instead of 1.5.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

##@ Run
.PHONY: setup up down status ops clean token demo compose-secrets
setup: $(READY) ## install the pinned tools and libraries into a virtual environment
up: $(READY) ## start Kafka, PostgreSQL, mail sink, trace viewer and the services; Ctrl-C stops them (TRACES=0: no viewer)
	@$(BIN)/python -m deploy.local up $(ARGS)
down: $(READY) ## stop a stack that runs in another terminal; its data stays
	@$(BIN)/python -m deploy.local down
status: $(READY) ## what runs, where, and how much memory it takes
	@$(BIN)/python -m deploy.local status
ops: $(READY) ## how every service is: consumer, outbox, relay, clocks, dead letters; fails when one is not well
	@$(BIN)/python -m deploy.local ops
clean: $(READY) ## stop the stack and remove its data
	@$(BIN)/python -m deploy.local clean
token: $(READY) ## print a bearer token: make token ROLE=REGISTRAR UNIT=PLG-HQ [FACILITY=LP1-PLG] [SUB=name]
	@$(BIN)/python -m deploy.local token --role "$(ROLE)" $(if $(UNIT),--unit "$(UNIT)") $(if $(FACILITY),--facility "$(FACILITY)") $(if $(SUB),--sub "$(SUB)")
demo: $(READY) ## one weekend of releases through the whole house, in a good minute (KEEP=1 leaves it running)
	@$(BIN)/python -m deploy.demo $(ARGS)
compose-secrets: ## make the passwords and keys that docker-compose.yml reads, once; needs Docker alone
	@sh deploy/compose/make-secrets.sh

##@ Check
.PHONY: test stack faults faults-selftest test-unit audit-verify lint format
test: stack lint ## lint, then every test on real Kafka and PostgreSQL (STACK=containers: those in Docker's)
	@STACK=$(STACK) $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope $(ARGS)
stack: $(READY)
	@test "$(STACK)" != containers || $(BIN)/python -m tests.containers
faults: $(READY) ## seeded runs of the real house that is broken while it works: RUNS=100 SEED=1, or SEED=random
	@$(BIN)/python -m tests.faults.lab --runs $(RUNS) --seed $(SEED) $(ARGS)
faults-selftest: $(READY) ## prove the checker: each seeded bug is caught within five runs, and sound runs are not flagged
	@$(BIN)/python -m tests.faults.selftest $(ARGS)
audit-verify: $(READY) ## is the audit trail of the running stack what was written? (ARGS="--export FILE"; ARGS=--help)
	@$(BIN)/python -m deploy.audit_verify $(ARGS)
test-unit: $(READY) ## the tests that need no broker and no database
	@$(BIN)/python -m pytest tests/unit $(ARGS)
lint: $(READY) ## ruff, mypy --strict, import rules, dead code, frozen contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/vulture
	@$(BIN)/python -m contracts check
format: $(READY) ## format and mend what ruff can mend
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

##@ Measure
.PHONY: bench bench-years bench-day bench-lists
bench: $(BENCH_READY) ## events a second and latency beside what one would build instead, about 25 minutes (ARGS=--quick: 5)
	@$(BENCH_VENV)/bin/python -m tests.bench pipeline $(ARGS)
bench-years: $(READY) ## the same parts with years behind them, about 40 minutes and 40 GB (ARGS=growth: one part; ARGS=--help)
	@$(BIN)/python -m tests.bench.years $(ARGS)
bench-day: $(READY) ## 5,000 releases in two hours of office time, in 20 and in 5 minutes: how soon on the board (ARGS=--help)
	@$(BIN)/python -m tests.bench.day $(ARGS)
bench-lists: $(READY) ## every list with 100,000 cases behind it, about 10 minutes (ARGS="--rows 1e4"; ARGS=--help)
	@$(BIN)/python -m tests.bench.lists $(ARGS)

##@ Generate
.PHONY: contracts lock
contracts: $(READY) ## schemas, AsyncAPI and topic files from the event classes and the catalogue
	@$(BIN)/python -m contracts generate
lock: $(READY) ## resolve pyproject.toml anew into the lock files
	@$(BIN)/uv pip compile pyproject.toml --group local --group dev $(LOCK_FLAGS) --output-file requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --constraint requirements.lock $(LOCK_FLAGS) --output-file deploy/requirements-service.lock
	@$(BIN)/uv pip compile pyproject.toml --group local --group dev --group bench --constraint requirements.lock $(LOCK_FLAGS) --output-file requirements-bench.lock
LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

##@ Help
.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# uv does not read what pip is told about a mirror or a certificate.
define UV_AS_PIP
mirror="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}"; \
	if test -n "$$mirror" && test -z "$$UV_DEFAULT_INDEX$$UV_INDEX_URL"; then export UV_DEFAULT_INDEX="$$mirror"; fi; \
	if test -n "$$PIP_CERT" && test -z "$$SSL_CERT_FILE"; then export SSL_CERT_FILE="$$PIP_CERT"; fi;
endef

$(READY): requirements.lock deploy/bootstrap.lock
	@test -n "$(PY_VERSION)" || { echo "No '$(PYTHON)' here. Install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "'$(PYTHON)' is Python $(PY_VERSION); 3.11 or newer is needed. Name one: make $(MAKECMDGOALS) PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python $(PY_VERSION) comes without venv and pip. On Debian and Ubuntu: apt-get install python$(PY_VERSION)-venv"; exit 1; }
	@echo "Installing into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/bootstrap.lock
	@$(UV_AS_PIP) VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@touch $@

# The other contenders' libraries are nothing that a test or a service should find installed.
$(BENCH_READY): $(READY) requirements-bench.lock
	@echo "Installing into $(BENCH_VENV)"
	@test -x $(BENCH_VENV)/bin/python || $(BIN)/python -m venv --without-pip $(BENCH_VENV)
	@$(UV_AS_PIP) VIRTUAL_ENV=$(CURDIR)/$(BENCH_VENV) $(BIN)/uv pip sync --quiet --require-hashes --python $(BENCH_VENV)/bin/python requirements-bench.lock
	@touch $@
