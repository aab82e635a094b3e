# The two commands: `make verify` sets up and runs the main job, `make test` sets up and runs the tests.

PYTHON ?= python3.11
ifeq ($(shell command -v $(PYTHON) 2>/dev/null),)
PYTHON := python3
endif
BIN := .venv/bin

.PHONY: help verify rules test test-thorough coverage check bench mutants naming mutation conform vectors recorded parameters state events studies diagrams site node lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.venv/graphviz: .venv/ready
	@command -v dot >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq graphviz >/dev/null || true; \
	  elif command -v brew >/dev/null; then brew install --quiet graphviz || true; fi; }
	@command -v dot >/dev/null || \
	  echo "hint: the program dot is missing; diagrams will need it: apt-get install graphviz, or brew install graphviz" >&2
	@touch $@

.venv/chromium: .venv/ready
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null || true; fi; }
	@command -v chromium >/dev/null || \
	  echo "hint: the program chromium is missing; the page's tests are skipped: apt-get install chromium" >&2
	@touch $@

.venv/spin: .venv/ready
	@command -v spin >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq spin gcc >/dev/null || true; fi; }
	@command -v spin >/dev/null || \
	  echo "hint: the program spin is missing; nothing else counts the states of a scope: apt-get install spin gcc" >&2
	@touch $@

verify: .venv/graphviz  ## set up, then check every worked example, every scenario, and random events
	$(BIN)/liqspec verify

test: .venv/graphviz .venv/chromium .venv/spin check node  ## set up, then run the linter, the type checker and the tests
	$(BIN)/python -m pytest -n auto

rules: .venv/ready  ## the rules, the machine and the properties on fixed seeds, for the inner loop
	$(BIN)/python -m pytest -n auto --hypothesis-profile=rules -m "not thorough and not wide" \
	  tests/rules tests/machine tests/properties/test_properties.py

test-thorough: .venv/graphviz .venv/chromium .venv/spin check node  ## the tests with the slow ones
	$(BIN)/python -m pytest -n auto -m "thorough or not thorough"

coverage: .venv/graphviz .venv/chromium .venv/spin node  ## lines and branches of the model that the tests run; 98 % are due
	$(BIN)/python -m pytest -n auto --cov --cov-report=term

check: .venv/ready
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	PYTHONPATH=model $(BIN)/lint-imports --no-logo >/dev/null || PYTHONPATH=model $(BIN)/lint-imports

bench: .venv/spin  ## measure the model against the bare cost of a trigger, steps through the pipe, compared and judged ones, proofs by the number of keys, exploration compared with Spin, and audited lines
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench_engine.py
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench_oracle.py
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench_steps.py
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench_proofs.py
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench_explorers.py
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/bench_audit.py

mutants: .venv/ready  ## which property catches which wrong engine, after how many events
	PYTHONPATH=tests $(BIN)/python tests/adversaries/measure_wrong_engines.py

mutation: .venv/ready  ## try every small change of the rules' modules on a copy, and list those that the tests do not detect
	PYTHONPATH=tests $(BIN)/python tests/adversaries/measure_mutation.py --table tests/adversaries/MUTATION.md \
	  --kept build/mutation.jsonl

naming: .venv/ready  ## how often the rule that a wrong engine breaks is named first
	PYTHONPATH=tests $(BIN)/python tests/adversaries/measure_naming.py

conform: .venv/ready  ## which wrong engine, run as a separate process, `liqspec conform` catches, and with how few events
	PYTHONPATH=tests $(BIN)/python tests/adversaries/measure_conform.py

vectors: .venv/ready  ## regenerate the conformance vectors from the specification
	$(BIN)/liqspec vectors generate spec/vectors

recorded: .venv/ready  ## record the runs of a first comparison again
	$(BIN)/python -m liqspec.conform.recording

events: .venv/ready  ## regenerate what spec/ states of the events, the parameters and the state
	$(BIN)/python -m liqspec.spec.generated

parameters state: events

studies: .venv/ready  ## rerun the studies, and rewrite their pages
	for file in spec/studies/*.toml; do $(BIN)/liqspec study $$file --page > $${file%.toml}.md; done

diagrams: .venv/graphviz  ## redraw the committed diagrams from the specification
	$(BIN)/liqspec draw all diagrams
	$(BIN)/python -m liqspec.draw.lifecycle_svg

site: .venv/ready  ## build the documentation into build/site; a dead link fails
	$(BIN)/properdocs build --quiet --strict

tests/draw/node/node_modules/.package-lock.json: tests/draw/node/package-lock.json
	cd tests/draw/node && npm ci --silent --no-audit --no-fund
	@touch $@

node:  ## install what the tests of the diagrams need of Node.js, where that is present
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory tests/draw/node/node_modules/.package-lock.json || \
	  echo "hint: npm ci failed in tests/draw/node; the tests that need it are skipped" >&2; \
	else echo "hint: Node.js is missing; Mermaid, XState and SCXML are not checked: apt-get install npm" >&2; fi

lock: .venv/ready  ## regenerate requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --extra dev pyproject.toml -o requirements.lock

clean:  ## remove what the other targets made
	rm -rf .venv tests/draw/node/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
