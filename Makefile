# make demo: the product on real faces. make test: all tests. Both make .venv and install by themselves.
# make test-processors: what runs a network again, as other processors would compute it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo

.PHONY: demo test test-fast test-processors check format docs lock clean

demo: $(VENV)/installed
	$(BIN)/lookalike demo --output $(DEMO)

# Two tests side by side on two cores: more threads in each would only wait for one another.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test: $(VENV)/installed
	$(PYTEST)

test-fast: $(VENV)/installed
	$(PYTEST) -m "not slow"

# Other instructions add in another order: whatever rests on the last bits of a sum fails under one of these. Left out
# are the slow ones, whole demos, long trainings and kills of processes, whose parts the others run; and the verbs, which
# parse, call a workflow and print: the workflows' tests run. A second thread divides the sums inside a network and
# changes nothing else, so with two threads only the tests run that call networks themselves. It must sleep where it
# waits, not spin: two tests on two cores would take ten times as long.
NETWORKS := $(BIN)/python -m pytest -q -n 2 -m "network and not slow"
NETWORKS_THEMSELVES := tests/embedder tests/training tests/faces tests/documents/test_processors.py
USERS_OF_NETWORKS := tests/workflows tests/samples tests/test_recognizer.py
TWO_THREADS := OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE

test-processors: $(VENV)/installed
	ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=1 $(NETWORKS) $(NETWORKS_THEMSELVES) $(USERS_OF_NETWORKS)
	ATEN_CPU_CAPABILITY=default $(TWO_THREADS) $(NETWORKS) $(NETWORKS_THEMSELVES)
	ONEDNN_MAX_CPU_ISA=SSE41 OMP_NUM_THREADS=1 $(NETWORKS) $(NETWORKS_THEMSELVES) $(USERS_OF_NETWORKS)
	ONEDNN_MAX_CPU_ISA=SSE41 $(TWO_THREADS) $(NETWORKS) $(NETWORKS_THEMSELVES)
	ONEDNN_MAX_CPU_ISA=AVX2 OMP_NUM_THREADS=1 $(NETWORKS) $(NETWORKS_THEMSELVES) $(USERS_OF_NETWORKS)
	ONEDNN_MAX_CPU_ISA=AVX2 $(TWO_THREADS) $(NETWORKS) $(NETWORKS_THEMSELVES)

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed
	$(BIN)/python docs/build.py docs/_site

# uv inside the venv, for speed; compiled once here, because the environment may forbid Python to do it later.
$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lookalike needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# Pinned by name and version, for every platform, with no index addresses.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links \
		--extra faces --extra landmarks --extra synthetic --extra trees --extra vamana --extra scann --extra hdf5 --extra onnx --extra video --extra milvus --extra encryption --extra service --extra client --extra dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) demo docs/_site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
