# One door to everything: `make` lists it. Idempotent; the second time is quick.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SHARED := $(VENV)/.cluster
CODE   := .ci indexer qa ui training tests $(wildcard benchmarks)

# The questions of `make eval`, and what pytest is asked on top: `make test ARGS="-k citations -x"`.
QUESTIONS ?= tests/quality/corpus.jsonl
ARGS      ?=
# Two processes: much of the time a test waits for a browser, a server or a limit. A file's tests stay together.
AT_ONCE   ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup run test torture tools lint fix bench eval baseline train offline audit sbom licences clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP) ## create .venv and install the pinned dependencies

run: setup ## build the index of corpus/ if need be; serve page and API at http://127.0.0.1:8000
	@$(BIN)/footnote serve

test: setup $(SHARED) tools ## everything CI runs: lint, types, tests
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest $(AT_ONCE) $(ARGS)

torture: setup $(SHARED) tools ## everything that is tried by number, in full: kills, full disks, power cuts, floods; hours
	$(BIN)/pytest --torture tests/reliability tests/cluster tests/ui/test_browser_line.py $(ARGS)

lint: setup ## ruff, mypy and bandit
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --severity-level medium indexer qa ui

fix: setup ## let ruff repair and format
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

offline: setup $(SHARED) ## the tests where there is no network at all; ARGS picks some
	.ci/offline $(BIN)/pytest $(ARGS)

audit: setup ## known weaknesses of what we bring; needs the network, and what cannot be looked up is a failure
	@$(BIN)/python -m pip install --constraint .ci/constraints.txt --quiet --editable '.[audit]'
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement .ci/constraints.txt

sbom: setup ## dist/sbom.json: what serving needs, and the models, as a CycloneDX bill of materials
	@$(BIN)/python -m pip install --constraint .ci/constraints.txt --quiet --editable '.[audit]'
	$(BIN)/python .ci/supply_chain.py sbom dist/sbom.json

licences: setup $(SHARED) ## write docs/licences.md anew, after a change of dependencies
	$(BIN)/python .ci/supply_chain.py licences

bench: setup ## how fast the parts are, as ratios, and on which machine; PEERS=…/bin/python adds the peers installed there
	$(BIN)/python benchmarks/speed.py --save benchmarks/results/speed.json
	$(BIN)/python -m benchmarks.embedding --save benchmarks/results/embedding.json
	$(if $(PEERS),OMP_NUM_THREADS=1 $(PEERS) -m benchmarks.peers.speed --save benchmarks/results/peer_speed.json --plot docs/plots)

eval: setup ## the quality figures on the questions of tests/quality
	@dir=$$(mktemp -d) && $(BIN)/footnote index --index "$$dir" && $(BIN)/footnote eval $(QUESTIONS) --index "$$dir"; \
	status=$$?; rm -rf "$$dir"; exit $$status

baseline: setup ## renew the figures that tests/quality compares with
	@dir=$$(mktemp -d) && $(BIN)/footnote index --index "$$dir" && \
	$(BIN)/footnote eval $(QUESTIONS) --index "$$dir" --save tests/quality/baseline.json; \
	status=$$?; rm -rf "$$dir"; exit $$status

train: setup ## train the reader again on the data in DATA: two hours on two cores
	$(BIN)/python -m training.cross_encoder $(DATA)
	$(BIN)/python -m training.combine $(DATA)

clean: ## remove .venv, the index and every cache
	rm -rf $(VENV) index .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	find indexer qa ui training tests -name __pycache__ -prune -exec rm -rf {} +

# The browser tests need a Chromium and fonts with Korean, the kills at single system calls strace. CI installs Debian's;
# elsewhere we only say how.
tools:
	@if command -v chromium >/dev/null && fc-list 2>/dev/null | grep -q 'Noto.*CJK' && command -v strace >/dev/null; then :; \
	elif [ "$$CI" = true ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    chromium fonts-noto-cjk fontconfig strace; \
	else \
	  echo "No Chromium, no Korean font or no strace: the tests that need them will be skipped."; \
	  echo "On Debian: apt-get install chromium fonts-noto-cjk strace"; \
	fi

# pip takes its own settings (pip.conf, PIP_…) as they are. A failed install leaves no stamp.
$(STAMP): pyproject.toml .ci/constraints.txt $(wildcard .ci/hashes/*.txt)
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.13 is needed: make setup PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11 to 3.13 is needed, $(PYTHON) is another: make setup PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt pip
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --build-constraint .ci/constraints.txt \
	  --requirement .ci/hashes/serving.txt --requirement .ci/hashes/development.txt
	$(BIN)/python -m pip install --constraint .ci/constraints.txt --build-constraint .ci/constraints.txt \
	  --quiet --editable '.[dev]'
	@touch $@

# What a shared store needs: 630 MB that only its tests want.
$(SHARED): $(STAMP)
	$(BIN)/python -m pip install --constraint .ci/constraints.txt --build-constraint .ci/constraints.txt \
	  --quiet --editable '.[cluster]'
	@touch $@
