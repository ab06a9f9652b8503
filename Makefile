# Nothing but Linux and Python 3.11 is needed: everything else comes into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
TORCH := torch==2.13.0+cpu
TORCH_INDEX := https://download.pytorch.org/whl/cpu
SHORT := build/short

.DEFAULT_GOAL := help
.PHONY: help setup demo check test beside lint fast unit hil farm bench docs soak mutants clean

help: ## show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/ready ## create .venv and install everything that demo and test use

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "elegans needs Python 3.11 or newer")'
	@echo "setup: packages go into .venv; this takes 2 to 3 minutes, once"
	$(PYTHON) -m venv .venv
	@echo "setup: torch, the largest, from PyPI or from its own index"
	@# The CPU build of torch: the one on PyPI depends on gigabytes of CUDA.
	$(BIN)/pip install -q -c constraints.txt $(TORCH) 2>/dev/null \
	  || $(BIN)/pip install -q --index-url $(TORCH_INDEX) $(TORCH)
	@echo "setup: everything else, among it the cross compiler and the emulator"
	$(BIN)/pip install -q -c constraints.txt -e '.[all,dev]'
	@echo "setup: done"
	@touch $@

demo: setup ## train a circuit, put it on an emulated board, compare every bit, drive the car
	@echo "demo: trains, exports, boots, compares and drives; one to two minutes"
	$(BIN)/elegans demo -o build/demo

check: setup ## lint, types and the fast tests, in five minutes: for the loop while you work
	@$(MAKE) --no-print-directory -j2 lint fast

test: setup ## lint, types, all tests, a board farm, a short demo, the HIL suite
	@# Side by side, because a test that waits for a board or a server leaves a core idle.
	@$(MAKE) --no-print-directory -j2 unit beside

beside:
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory hil
	@$(MAKE) --no-print-directory farm

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast: setup
	$(BIN)/pytest tests -q -n 2 --dist worksteal -m "not slow and not soak"

# Three workers keep two cores busy: some tests wait for a board that is not there.
unit: setup
	$(BIN)/pytest tests -q -n 3 --dist worksteal -m "not soak"

farm: .venv-farm/ready
	.venv-farm/bin/pytest tests/farm -q -n 2

# An environment of its own, because labgrid replaces pyserial by its own version of it.
.venv-farm/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-farm
	.venv-farm/bin/pip install -q -c constraints.txt -e '.[sim,farm]' pytest-xdist
	@touch $@

hil: setup
	$(BIN)/elegans demo --short -o $(SHORT)
	$(BIN)/pytest hil_tests -q --board mps2-an386 --emulator unicorn --build $(SHORT)/export
	@if command -v qemu-system-arm arm-none-eabi-gcc >/dev/null; then set -x; \
	  $(BIN)/pytest hil_tests -q --board mps2-an386 --emulator qemu --compiler gcc \
	    --build $(SHORT)/export; fi

bench: setup ## print the measured table of the README
	$(BIN)/elegans demo --short -o $(SHORT)
	$(BIN)/python -m benchmarks.boards $(SHORT)/export
	$(BIN)/python -m benchmarks.line $(SHORT)/export

docs: setup ## write the documentation as a site to build/docs; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict -q
	@echo "docs: open build/docs/index.html"

soak: setup ## the tests that take minutes and find rare faults
	$(BIN)/pytest tests -q -n 2 --dist worksteal -m soak

mutants: setup ## put small faults into the code, and see whether the tests notice
	$(BIN)/python -m benchmarks.mutants

clean: ## remove what was built, but not .venv and .venv-farm
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
