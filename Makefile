# make setup | demo | test | lint | docs | weights. Each does the set-up it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export VISIONLLM_DATA ?= $(wildcard ../shared/data)

.PHONY: setup demo test lint docs weights clean

setup: $(VENV)/.ready

# torch first and alone (its plain index build brings CUDA); a torch that is already there is kept.
$(VENV)/.ready: requirements/constraints.txt setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/pip install -q -c requirements/constraints.txt torch $(TORCH_INDEX)
	$(BIN)/pip install -q -c requirements/constraints.txt -e ".[dev]"
	$(BIN)/python -m visionllm.assets
	touch $@

demo: setup
	$(BIN)/python -m visionllm demo --scenes

# a process a core, of one thread each
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --dist=loadscope --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .

# the documentation site into site/; dead links are errors
docs: setup
	$(BIN)/python -m mkdocs build --strict

# the shipped weights from nothing: nine hours, resumable
weights: setup
	$(BIN)/python tools/train_recipe.py configs/recipes/visionllm_nano_scenes.py

clean:
	rm -rf $(VENV) work_dirs outputs site
