# Everything runs in environments of its own under .venv*; the only thing needed is Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ORACLE := .venv-oracle
FIT := .venv-fit
PIP := install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help

WEB := src/weighbridge/web
BROWSER := .venv-browser

.PHONY: help run test serve service service-check wheel-check lint site web-check browser page-speed page-pictures wheel docs docs-update oracle oracle-full speeds benchmark accuracy golden clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

$(VENV)/ready: pyproject.toml constraints/core.txt constraints/serve.txt constraints/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip $(PIP) --constraint constraints/core.txt --editable .
	$(BIN)/pip $(PIP) --requirement constraints/serve.txt --requirement constraints/dev.txt --constraint constraints/core.txt
	@touch $@

$(ORACLE)/ready: pyproject.toml constraints/core.txt constraints/torch.txt constraints/oracle.txt
	$(PYTHON) -m venv $(ORACLE)
	$(ORACLE)/bin/pip $(PIP) --requirement constraints/torch.txt
	$(ORACLE)/bin/pip $(PIP) --requirement constraints/oracle.txt
	$(ORACLE)/bin/pip $(PIP) --constraint constraints/core.txt --editable .
	@touch $@

$(FIT)/ready: pyproject.toml constraints/core.txt constraints/fit.txt
	$(PYTHON) -m venv $(FIT)
	$(FIT)/bin/pip $(PIP) --constraint constraints/core.txt --editable .
	$(FIT)/bin/pip $(PIP) --requirement constraints/fit.txt
	@touch $@

run: $(VENV)/ready ## weigh a real model, a training run of it, and a Megatron-LM launch script
	$(BIN)/weighbridge params deepseek-v3
	$(BIN)/weighbridge params deepseek-v3 --explain
	$(BIN)/weighbridge flops deepseek-v3 --seq 4096
	$(BIN)/weighbridge train deepseek-v3 --cluster 2048xH800 --pp 16 --ep 64 --layout 4*15,1 --global-batch 15360
	PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/megatron_mixtral_8x7b.sh

test: $(VENV)/ready ## the tests that need neither torch nor transformers
	$(BIN)/pytest -n 2 -q

serve: $(VENV)/ready ## the page and the HTTP service, on this machine alone
	$(BIN)/weighbridge serve

service: $(VENV)/ready ## the service: its tests with more examples, load and memory over many requests
	SERVICE_EXAMPLES=200 $(BIN)/pytest -q tests/server tests/answer
	$(BIN)/python -m benchmarks.serving_load --json benchmarks/results/serving_load.json
	$(BIN)/python -m benchmarks.serving_memory --json benchmarks/results/serving_memory.json

service-check: $(VENV)/ready ## load and memory of the service in a minute
	$(BIN)/python -m benchmarks.serving_load --seconds 1
	$(BIN)/python -m benchmarks.serving_memory --requests 20000 --cache 1048576

wheel-check: $(VENV)/ready site ## build the wheel with the page in it, install it elsewhere, ask what it serves
	$(BIN)/python -m tools.check_wheel

lint: $(VENV)/ready ## ruff, strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/ready ## build the documentation, strictly
	$(BIN)/mkdocs build --strict --quiet

$(WEB)/node_modules/ready: $(WEB)/package.json $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-fund --no-audit --loglevel=error
	@touch $@

build/wheels/ready: constraints/browser.txt
	rm -rf build/wheels
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.14 \
		--platform pyemscripten_2026_0_wasm32 --dest build/wheels --requirement constraints/browser.txt
	@touch $@

site: $(WEB)/node_modules/ready build/wheels/ready ## build the page: a static folder that any host can serve
	cd $(WEB) && node make/site.mjs

web-check: $(WEB)/node_modules/ready build/wheels/ready ## check the types of the page's scripts
	cd $(WEB) && node make/site.mjs --data && npx tsc --project tsconfig.json

$(BROWSER)/ready: pyproject.toml constraints/core.txt constraints/serve.txt constraints/browser-tests.txt
	$(PYTHON) -m venv $(BROWSER)
	$(BROWSER)/bin/pip $(PIP) --constraint constraints/core.txt --editable .
	$(BROWSER)/bin/pip $(PIP) --requirement constraints/serve.txt --requirement constraints/browser-tests.txt --constraint constraints/core.txt
	@touch $@

$(BROWSER)/chromium:
	@mkdir -p $(BROWSER)
	command -v chromium >/dev/null || { sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
	@touch $@

browser: $(BROWSER)/ready $(BROWSER)/chromium site ## the page in a real browser, with both engines; pictures in tests/browser/shots
	$(BROWSER)/bin/pytest tests/browser -n 2 -q

page-speed: $(BROWSER)/ready $(BROWSER)/chromium site ## how soon the page answers: cold, served, after each change
	$(BROWSER)/bin/python -m benchmarks.page_speed --json benchmarks/results/page_speed.json

page-pictures: $(BROWSER)/ready $(BROWSER)/chromium site ## the pictures of docs/page.md
	$(BROWSER)/bin/python -m tests.browser.pictures

wheel: site ## the package with the page in it
	$(PYTHON) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

oracle: $(ORACLE)/ready ## compare with transformers, megatron-core and PyTorch's own counter and hooks
	$(ORACLE)/bin/pytest tests/oracle -q

oracle-full: $(ORACLE)/ready ## the same with 50 draws of every type; writes benchmarks/results/oracle.md
	$(ORACLE)/bin/python -m benchmarks.oracle

speeds: $(FIT)/ready ## fit the curves of kernels and collectives to the measured tables, and test them
	$(FIT)/bin/python -m tools.fit_speeds
	$(FIT)/bin/pytest tests/tools tests/hardware/test_speeds.py -q

benchmark: $(ORACLE)/ready ## cold start beside other tools, speed and cost of a training estimate
	$(ORACLE)/bin/pip $(PIP) --requirement constraints/benchmark.txt
	$(ORACLE)/bin/python benchmarks/cold_start.py
	$(ORACLE)/bin/python benchmarks/estimate_speed.py --json benchmarks/results/estimate_speed.json

accuracy: $(VENV)/ready ## score estimates of training memory against published measurements
	$(BIN)/python -m benchmarks.accuracy --jobs 2

docs-update: $(VENV)/ready ## run the sessions in README and docs again and write what they print
	$(BIN)/pytest -q tests/test_docs.py --update-docs

golden: $(VENV)/ready ## write the golden outputs anew; look at the difference before you commit it
	$(BIN)/pytest -q tests/test_golden.py --update-golden

clean: ## remove environments and build products
	rm -rf .venv .venv-oracle .venv-fit .venv-browser build $(WEB)/site $(WEB)/app/generated $(WEB)/node_modules tests/browser/shots site dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
