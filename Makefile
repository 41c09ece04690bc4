# Two commands: `make lab` opens the notebooks, `make test` proves that everything works.
# Needs Python 3.10 or newer, make and git. PYTHON=python3.12 chooses an interpreter;
# TORCH_INDEX=URL adds a package index, such as the one with the small CPU builds of torch.
PYTHON ?= python3
NOTEBOOKS ?= $(sort $(wildcard notebooks/*.ipynb))
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
INSTALLED := .venv/installed
# Tests run side by side: a worker a core (at most four), each with one thread of torch.
# WORKERS=0 is one process, with as many threads as torch takes by itself.
WORKERS ?= auto
PYTEST = $(BIN)/python -m pytest -q -n $(WORKERS)
# torch's threads spin briefly instead of holding the cores that others need; a notebook may load
# torch before the package can say so: pruninglab/threads.py
ifndef OMP_WAIT_POLICY
export GOMP_SPINCOUNT ?= 1000
export KMP_BLOCKTIME ?= 1
endif

.PHONY: lab test lint types unit devices nbval browser notebooks fuzz bench site clean

PORT_IS_FREE = import socket, sys; taken = not socket.socket().connect_ex(('127.0.0.1', int('$(PORT)'))); \
	sys.exit(taken and 'Port $(PORT) is in use: stop what listens there, or name another one, such as make lab PORT=$(shell expr $(PORT) + 1)')

# JupyterLab refuses to run as root, the only user of many containers, unless it is told to.
lab: $(INSTALLED)
	$(if $(PORT),@$(BIN)/python -c "$(PORT_IS_FREE)")
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb --ip=127.0.0.1 \
		$(if $(filter 0,$(shell id -u)),--allow-root) $(if $(PORT),--port=$(PORT) --ServerApp.port_retries=0) $(if $(NO_BROWSER),--no-browser)

test: lint types unit devices nbval

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check conftest.py pruninglab tests

types: $(INSTALLED)
	$(BIN)/mypy

unit: $(INSTALLED)
	$(PYTEST) --dist worksteal

# The notebooks' cells on a fake cuda and a fake mps: what a machine with a GPU would meet.
devices: $(INSTALLED)
	$(PYTEST) -m devices tests/devices

nbval: $(INSTALLED)
	$(PYTEST) --dist loadfile --nbval-lax --nbval-cell-timeout=180 --durations=10 $(NOTEBOOKS)

# How soon a picture is seen is measured afterwards, with nothing beside it.
browser: $(INSTALLED)
	$(PYTEST) --dist loadgroup -m "browser and not benchmark" tests/browser
	$(BIN)/python -m pytest -q -m "browser and benchmark" tests/browser

# Runs every notebook from top to bottom and saves it with its outputs and pictures.
notebooks: $(INSTALLED)
	$(BIN)/python -m pruninglab.classroom.rerun $(NOTEBOOKS)

# Calls every public name wrongly, longer than the tests do: make fuzz CALLS=200000 SEED=7
fuzz: $(INSTALLED)
	FUZZ_CALLS=$(or $(CALLS),24000) FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -q -s tests/fuzz

# The notebooks as pages whose sliders move without a kernel; nothing is executed, nothing fetched.
site: $(INSTALLED)
	$(BIN)/python -m pruninglab.classroom.site

bench: $(INSTALLED)
	$(BIN)/python -m pytest -q -s -m benchmark tests/benchmarks tests/browser

# pip compiles file by file; all cores together are sooner done.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10) and 'Python 3.10 or newer is needed; try make PYTHON=python3.12')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --constraint constraints.txt --editable ".[dev,browser,deploy,site]"
	$(BIN)/python -c "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2, workers=0)"
	$(BIN)/python -c "from pathlib import Path; Path('$(INSTALLED)').touch()"

clean:
	$(PYTHON) -c "import shutil; [shutil.rmtree(path, ignore_errors=True) for path in ('.venv', 'runs', 'build', '.pytest_cache', '.ruff_cache', '.mypy_cache', '.hypothesis', '.benchmarks', 'pruninglab.egg-info')]"
