# Everything runs in `.venv`, made on first use from the hash-pinned locks. Needs make, git and Python 3.11 or newer.
PYTHON := .venv/bin/python
ORDERS ?= 500
KEEP   ?=
KILLS  ?= 50
EVENTS ?= 5000
SEED   ?=
# Two processes, each with servers of its own (tests/conftest.py); a file's tests share what they stand on.
SIDE_BY_SIDE := -n auto --dist loadfile --no-loadscope-reorder
export PYTHONDONTWRITEBYTECODE := 1
UV     := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
          --no-annotate --custom-compile-command 'make lock' pyproject.toml

.PHONY: help demo proofs down test test-full mutants lint contracts audit chaos chaos-night chaos-rolling compose-walk lock \
        bench bench-posting bench-relay bench-walk bench-latency bench-poison bench-memory bench-rebuild bench-growth bench-pages \
        clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.ready ## Bring servers and services, push ORDERS=500 real orders through them, show the books; KEEP=1 leaves it running
	@ORDERS=$(ORDERS) KEEP=$(KEEP) $(PYTHON) -m tools.demo

proofs: .venv/.ready ## Run the demo, then every proof of the books on its ledger; a line per proof, 1 if one fails
	@ORDERS=$(ORDERS) KEEP=$(KEEP) $(PYTHON) -m tools.demo proofs

down: .venv/.ready ## End what `make demo KEEP=1` or `python -m tools.servers up` left running
	@$(PYTHON) -m tools.demo down

test: lint ## Check style, types and walls, then run the tests on a real PostgreSQL and RabbitMQ (at most 12 minutes on 2 cores)
	@$(PYTHON) -m pytest $(SIDE_BY_SIDE) -m 'not slow'

test-full: lint ## Run the long tests too
	@$(PYTHON) -m pytest $(SIDE_BY_SIDE)

mutants: .venv/.ready ## Break a copy of the code in fifty ways, one by one, and see that a test catches each (some minutes)
	@$(PYTHON) -m tools.mutants

lint: .venv/.ready ## Check style (ruff), types (mypy --strict) and walls between the rooms (import-linter)
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports

contracts: .venv/.ready ## Write docs/events from the code: schemas, examples, AsyncAPI, catalogue; refuses to break what is published
	@$(PYTHON) -m tools.contracts

audit: .venv/.ready ## Look for unsafe code (bandit) and for known vulnerabilities of the locked libraries (pip-audit)
	@$(PYTHON) -m tools.audit

chaos: .venv/.ready ## Kill, cut off and freeze everything under load: KILLS=50 EVENTS=5000 SEED=…; the checker says what was lost
	@KILLS=$(KILLS) EVENTS=$(EVENTS) SEED=$(SEED) $(PYTHON) -m tools.chaos

chaos-night: KILLS = 1000
chaos-night: EVENTS = 100000
chaos-night: chaos ## The same with 1,000 kills and 100,000 events

chaos-rolling: .venv/.ready ## Twenty rolling restarts (SIGTERM, every replica in turn) under load
	@EVENTS=$(EVENTS) SEED=$(SEED) $(PYTHON) -m tools.chaos rolling

bench: .venv/.ready ## Measure everything against its limits, write docs/benchmarks.md (at most 20 minutes on 2 idle cores)
	@$(PYTHON) -m tools.bench

bench-posting bench-relay bench-walk bench-latency bench-poison bench-memory bench-rebuild bench-growth bench-pages: .venv/.ready
	@$(PYTHON) -m tools.bench $(@:bench-%=%)

compose-walk: .venv/.ready ## Bring docker-compose.yml up for real, walk orders through it, take it down (needs a Docker engine)
	@$(PYTHON) -m tools.compose_walk

lock: .venv/.ready ## Write the newest allowed versions into the locks
	@$(UV) --upgrade --output-file requirements.lock
	@$(UV) --upgrade --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean: ## Remove what can be made again: the environment, caches, data of servers (ends kept ones)
	@if [ -e .venv/.ready ]; then $(PYTHON) -m tools.demo down; fi
	@rm -rf .venv .run .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.ready: requirements.lock requirements-dev.lock
	@sh tools/make-venv.sh
	@touch $@
