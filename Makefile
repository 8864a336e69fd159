# `make app` starts the app, `make test` checks everything; both set up what they need in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: app test lint bench clean

app: $(VENV)/.app
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT)

test: $(VENV)/.test lint
	@tests/chromium.sh > $(VENV)/chromium
	PYTHONWARNDEFAULTENCODING=1 CHROMIUM="$$(cat $(VENV)/chromium)" $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m tests.sizes

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.ingredients

$(VENV)/.app: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
