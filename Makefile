# Two commands: `make lab` opens the notebooks, `make test` proves that everything works.
# Needs Python 3.11 or newer, make and git. PYTHON=python3.13 chooses an interpreter, which gets an
# environment of its own, .venv-python3.13;
# TORCH_INDEX=URL adds a package index for torch, TORCH_INDEX=none takes what PyPI has.
PYTHON ?= python3
NOTEBOOKS ?= $(sort $(wildcard notebooks/*.ipynb)) $(sort $(wildcard notebooks/audits/*.ipynb))
VENV := .venv$(if $(filter-out python python3,$(PYTHON)),-$(lastword $(notdir $(PYTHON))))
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALLED := $(VENV)/installed
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

# What reaches a shell may not end one command and begin another.
define newline


endef
$(foreach name,PYTHON NOTEBOOKS WORKERS PORT TORCH_INDEX CALLS SEED BASE FILES OUT,\
	$(foreach sign,; & | ` < > ' " $$,$(if $(findstring $(sign),$($(name))),$(error $(name) may not hold $(sign)))) \
	$(if $(findstring $(newline),$($(name))),$(error $(name) may not hold a new line)))

.PHONY: lab my-copy grade slides wheels test lint types unit devices machines nbval browser notebooks fuzz bench site size clean

PORT_IS_FREE = import socket, sys; port = '$(PORT)'; \
	port.isdecimal() and 0 < int(port) < 65536 or sys.exit(f'PORT={port} must be a number from 1 to 65535'); \
	socket.socket().connect_ex(('127.0.0.1', int(port))) or sys.exit(f'Port {port} is in use: stop what listens there, or name another one, such as make lab PORT={int(port) + 1}')

# What a student opens are copies, which git ignores: playing never stands in the way of a pull.
# A copy that is there stays; who wants the new version takes the old one away.
my-copy:
	@$(PYTHON) $(dir $(firstword $(MAKEFILE_LIST))).ci/my_copy.py

# JupyterLab refuses to run as root, the only user of many containers, unless it is told to.
lab: $(INSTALLED) my-copy
	$(if $(PORT),@$(BIN)/python -c "$(PORT_IS_FREE)")
	$(BIN)/jupyter lab mine/00_start_here.ipynb --ip=127.0.0.1 \
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

# What needs a package index: a wheel in a folder with a space, and Colab's older widgets.
machines: $(INSTALLED)
	$(BIN)/python -m pytest -q -m machines tests/test_any_machine.py

# The limit is for what hangs: on a busy machine a cell may take minutes.
nbval: $(INSTALLED)
	$(PYTEST) --dist loadfile --nbval-lax --nbval-cell-timeout=1800 --durations=10 $(NOTEBOOKS)

# How soon a picture is seen is measured afterwards, with nothing beside it.
browser: $(INSTALLED)
	$(PYTEST) --dist loadgroup -m "browser and not benchmark" tests/browser
	$(BIN)/python -m pytest -q -m "browser and benchmark" tests/browser

# Runs every notebook from top to bottom and saves it with its outputs and pictures.
notebooks: $(INSTALLED)
	$(BIN)/python -m pruninglab.kit.rerun $(NOTEBOOKS)

# Calls every public name wrongly, longer than the tests do: make fuzz CALLS=200000 SEED=7
fuzz: $(INSTALLED)
	FUZZ_CALLS=$(or $(CALLS),24000) FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -q -s tests/fuzz

# The notebooks as pages whose sliders move without a kernel. The first time each notebook is run,
# and its sliders' pictures are drawn into build/frames: minutes each.
site: $(INSTALLED)
	$(BIN)/python -m pruninglab.lessons.website

# Marks for submitted notebooks: make grade FILES='submissions/*.ipynb' OUT=marks.csv
grade: $(INSTALLED)
	$(BIN)/python -m pruninglab.kit.grade "$(FILES)" "$(or $(OUT),marks.csv)" $(SEED)

# A deck a lesson, for a browser without network: build/slides/00_start_here.html
slides: $(INSTALLED)
	$(BIN)/python -m pruninglab.kit.slides build/slides

# All that a room without network needs: build/wheels, and the line that installs from it.
wheels: $(INSTALLED)
	$(BIN)/python -m pip wheel --quiet $(TORCH) --constraint constraints.txt --wheel-dir build/wheels ".[lab]"
	@echo 'There: python -m pip install --no-index --find-links wheels "pruninglab[lab]"'

# Code lines by room, and the change against a commit: make size BASE=main
size:
	$(PYTHON) tests/size.py $(or $(BASE),HEAD~1)

bench: $(INSTALLED)
	$(BIN)/python -m pytest -q -s -m benchmark tests/benchmarks tests/browser

# On Linux without an NVIDIA device the small CPU build of torch, where its index answers.
TORCH = $(addprefix --extra-index-url ,$(shell $(PYTHON) .ci/torch_index.py $(TORCH_INDEX)))

# pip compiles file by file; all cores together are sooner done.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed; try make PYTHON=python3.13')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile $(TORCH) --constraint constraints.txt --editable ".[lab,dev,browser,deploy,site]"
	$(BIN)/python -c "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2, workers=0)"
	$(BIN)/python -c "from pathlib import Path; Path('$(INSTALLED)').touch()"

# Runs, full data sets and a student's guesses are not remade: they stay.
clean:
	$(PYTHON) -c "import glob, shutil; [shutil.rmtree(path, ignore_errors=True) for path in (*glob.glob('.venv*'), 'build', '.pytest_cache', '.ruff_cache', '.mypy_cache', '.hypothesis', '.benchmarks', 'pruninglab.egg-info')]"
