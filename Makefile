# One verb a command; see README.md. PORT (or GRADIO_SERVER_PORT) chooses the port of `make run`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= $(or $(GRADIO_SERVER_PORT),7860)
STAMP := $(VENV)/.runtime-installed
DEV_STAMP := $(VENV)/.dev-installed
UNIT := -m "not browser"

.PHONY: shipped-run install lock run test coverage check fix bench bench-long compare sweep load doctor gpu gpu-pack \
	space space-check screenshots dev

install: $(STAMP)

$(STAMP): requirements.txt requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c requirements.lock
	touch $@

dev: $(DEV_STAMP)

$(DEV_STAMP): requirements-dev.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: install
	GRADIO_SERVER_PORT=$(PORT) $(BIN)/python app.py

# Whether this machine can run the app, a line per check.
doctor: install
	$(BIN)/python -m bertdemo.doctor

# A browser is needed by the tests alone; on Debian and Ubuntu it is installed here. Two processes share the tests
# without a page; those with one come after, alone, because a page that waits for a processor looks like a broken one.
test: dev
	bash tests/browser.sh
	$(BIN)/python -m pytest -q $(UNIT) -n 2 --dist loadfile
	$(BIN)/python -m pytest -q -m browser

# How much of bertdemo the tests without a page reach; tracing makes them slower, so it has a verb of its own.
coverage: dev
	$(BIN)/python -m pytest -q $(UNIT) -n 2 --dist loadfile --cov

check: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

fix: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every measurement, with a dated table in docs/benchmarks.md. Takes about half an hour on two cores.
bench: dev
	$(BIN)/python -m benchmarks.run

# What takes an hour or more: the padded default on all of banking77, and the folds of qnli. Once per change of a recipe.
bench-long: dev
	$(BIN)/python -m benchmarks.run --long

# The app of the commit BASE and of this one in turn, five rounds; a dated table in docs/compare.md.
compare: dev
	bash tests/browser.sh
	BERTDEMO_E2E_HANG=900 $(BIN)/python -m benchmarks.compare $(BASE)

# 3,000 files of changed bytes and one of a million rows, each read as an upload is; then every case of the tests that
# `make test` runs a slice of (tests/sweep.py). Dated lines in docs/sweeps.md.
sweep: dev
	$(BIN)/python -m benchmarks.sweep_files
	$(BIN)/python -m benchmarks.sweep_tests

# Many visitors at once on a public server, idle and beside a training; a dated table in docs/load.md. Half an hour.
load: dev
	$(BIN)/python -m benchmarks.load $(ARGS)

# What a GPU changes, checked with the packages of this machine and of the pack: no network, nothing is installed. At
# most eight minutes; without a GPU the same on the CPU, smaller. Writes gpu-report.md and gpu-report.json (docs/gpu.md).
gpu:
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m benchmarks.gpu $(ARGS)

# The folder build/gpu-pack, with which `make gpu` runs on a machine that lacks our packages: below 60 MiB.
gpu-pack: install
	$(BIN)/python -m benchmarks.gpu_pack

# Train the run that ships with the app anew; its files are in bertdemo/runs/shipped/files.
shipped-run: dev
	$(BIN)/python -m benchmarks.shipped_run

# requirements.lock of what requirements.txt has installed here; after a change of a pin, with a new virtual environment.
lock: dev
	$(BIN)/python -m deploy.lock

# The app as a Space runs it, walked through in a browser; a dated table in docs/space-check.md. The packages of a Space
# are kept in build/.
space-check: dev
	bash tests/browser.sh
	BERTDEMO_E2E_HANG=300 $(BIN)/python -m deploy.space_check $(ARGS)

# Create or update the Space of whoever is signed in (`hf auth login`): NAME, HARDWARE, SLEEP (seconds), PUBLIC=1.
space: install
	$(BIN)/python -m deploy.space $(if $(NAME),--name $(NAME)) $(if $(HARDWARE),--hardware $(HARDWARE)) \
		$(if $(SLEEP),--sleep $(SLEEP)) $(if $(PUBLIC),--public)

screenshots: dev
	bash tests/browser.sh
	$(BIN)/python -m tests.e2e.screenshots
