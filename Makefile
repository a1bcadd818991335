# Two commands do everything on a machine with Python 3.11 or newer, pip and make: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
RUN = $(VENV)/bin/python
# Tests run on all cores. Each takes whole modules first and then helps the others out.
PYTEST = $(RUN) -m pytest -n auto --dist worksteal
TEST_TAKES = about 5 minutes on two idle cores
QUICK_TAKES = under 90 seconds on two idle cores
SLOW_TAKES = about a minute on two idle cores
# lifelines needs pandas below version 3. Everything but the bridge to it works with pandas 3, without lifelines.
PANDAS3 ?= .venv-pandas3
NOT_LIFELINES = import tomllib; \
  project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
  extras = [name for own, names in project['optional-dependencies'].items() if own != 'all' for name in names]; \
  print(*(name for name in project['dependencies'] + extras if not name.startswith('lifelines')), sep='\n')

.PHONY: demo test quick test-slow test-pandas3 lint types bench notebooks clean help

help:
	@echo "make demo   install into $(VENV) and compare thirteen simulated countries; the report is $(DEMO)/report/report.html"
	@echo "make test   install what tests need and run them: $(TEST_TAKES)"
	@echo "make quick  a first look at every room: $(QUICK_TAKES)"
	@echo "make test-slow  statistics of many replications and the fuzzer: $(SLOW_TAKES)"
	@echo "make test-pandas3  make test with pandas 3 and without lifelines, in $(PANDAS3): $(TEST_TAKES)"
	@echo "make lint   style, spelling and types"
	@echo "make bench  speed and memory against other packages"
	@echo "make clean  remove what the others made"

$(VENV)/.package: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'childsurv needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...')"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet --editable '.[all]'
	@touch $@

$(VENV)/.test: $(VENV)/.package
	$(RUN) -m pip install --quiet --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(RUN) -m pip install --quiet --group lint
	@touch $@

demo: $(VENV)/.package
	$(RUN) -m childsurv demo --out $(DEMO)

test: $(VENV)/.test
	@echo "All tests but the slow statistics: $(TEST_TAKES)."
	$(PYTEST) -m "not slow"

quick: $(VENV)/.test
	@echo "Without the long tests, and with few examples of each law: $(QUICK_TAKES)."
	$(PYTEST) -m "not slow and not long" --hypothesis-profile=quick

test-slow: $(VENV)/.test
	@echo "Statistics of many replications, and the fuzzer: $(SLOW_TAKES)."
	$(PYTEST) -m slow

# childsurv itself comes last and without dependencies, because one of them is lifelines.
$(PANDAS3)/.test: pyproject.toml
	$(PYTHON) -m venv $(PANDAS3)
	$(PANDAS3)/bin/python -m pip install --quiet --upgrade pip
	$(PANDAS3)/bin/python -c "$(NOT_LIFELINES)" >$(PANDAS3)/needs.txt
	$(PANDAS3)/bin/python -m pip install --quiet --group test --requirement $(PANDAS3)/needs.txt 'pandas>=3'
	$(PANDAS3)/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

test-pandas3: RUN = $(PANDAS3)/bin/python
test-pandas3: $(PANDAS3)/.test
	@echo "All tests but the slow statistics, with pandas 3: $(TEST_TAKES)."
	$(PYTEST) -m "not slow"

lint: $(VENV)/.lint
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m codespell_lib
	$(RUN) -m mypy

bench: $(VENV)/.test
	$(RUN) -m benchmarks

clean:
	rm -rf $(VENV) $(PANDAS3) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis
