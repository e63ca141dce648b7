# `make run` and `make test` are all that a newcomer needs; both set up `.venv` by themselves, once.
#
#   make run              the whole loop on a fresh demo repository
#   make run REPO=path    the same on your own repository
#   make test             every test
#   make channel-tests    with npm: the servers that the channels are tried against (before `make test`)
#   make crash            kill -9 before every single step and at 300 random moments; locks by the ten thousand
#   make check            format, lint, types, layers, generated files
#   make fmt gen bench    format the code; write generated files; time things
#   make agents           install the third-party coding agent that some tests drive, once
#   make lock             resolve pyproject.toml into the lock files anew

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
REPO ?=

AGENTS := .agents/mini-swe-agent
# The other benchmarks need checkouts of repositories, and say so.
BENCHMARKS := scan_speed plan_speed policy_speed approvals_speed sandbox_overhead worktree_speed precision

.PHONY: agents run test crash check fmt gen bench lock clean

run: $(VENV)/.installed
	@$(PY) tools/run.py $(if $(REPO),--repo "$(REPO)")

channel-tests:
	sh tools/prepare_channel_tests.sh .cache/channel-tests

test: $(VENV)/.installed-dev
	$(PY) -m pytest -n auto

crash: $(VENV)/.installed-dev
	$(PY) -m pytest -n auto -m crash tests/crash tests/parallelism

fuzz: $(VENV)/.installed-dev
	AUTOPACK_FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) $(PY) -m pytest -n auto tests/fuzz

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) tools/generate.py --check

fmt: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

gen: $(VENV)/.installed
	$(PY) tools/generate.py

bench: $(VENV)/.installed-dev
	@for benchmark in $(BENCHMARKS); do echo "== $$benchmark"; $(PY) "benchmarks/$$benchmark.py" || exit 1; done

agents: $(AGENTS)/.installed

# In a folder of its own, since it brings eighty packages that Autopack itself does not need.
$(AGENTS)/.installed: tests/agents/requirements.lock | $(PY)
	@echo "Installing the pinned mini-swe-agent."
	@$(PY) -m venv --clear $(AGENTS)
	@$(AGENTS)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r $<
	@touch $@

lock: | $(PY)
	$(PIP) 'uv>=0.9'
	sh tools/lock.sh $(PY)

clean:
	rm -rf $(VENV) .demo

# The first Python that is new enough and can make virtual environments; a half-made one is not left behind.
$(PY):
	@for candidate in python3.13 python3.12 python3.11 python3; do \
	  if $$candidate -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$($$candidate --version)."; \
	    $$candidate -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "Autopack needs Python 3.11 or newer with its venv module; found: $$(python3 --version 2>&1)." >&2; \
	echo "  next: install Python 3.11, 3.12 or 3.13 (on Debian and Ubuntu also python3-venv), then repeat." >&2; \
	exit 1

# Every pinned file is checked against its hash; nothing is resolved here, and a second call installs nothing.
$(VENV)/.installed: requirements.lock pyproject.toml | $(PY)
	@echo "Installing pinned dependencies."
	@$(PIP) --no-deps --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(PY) -m compileall -q src
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing pinned development tools."
	@$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@
