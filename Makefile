# make setup | demo | test | lint. Each does the set-up it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export VISIONLLM_DATA ?= $(wildcard ../shared/data)

.PHONY: setup demo test lint clean

setup: $(VENV)/.ready

# torch first and alone (its plain index build brings CUDA); a torch that is already there is kept.
$(VENV)/.ready: requirements/constraints.txt setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/pip install -q -c requirements/constraints.txt torch $(TORCH_INDEX)
	$(BIN)/pip install -q -c requirements/constraints.txt -e ".[dev]"
	$(BIN)/python -m visionllm.assets
	touch $@

demo: setup
	$(BIN)/python tools/demo.py

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) work_dirs outputs
