# make up      a highly available Kubernetes cluster on hosts of this machine
# make down    remove that lab again
# make check   style, types, unit and contract tests (some five minutes on two cores)
# make test    check, the site, then a whole cluster on real hosts: what CI runs
# make site    the documentation as a site in build/site
# make full    test, then the long forms (Debian 13, separate etcd, upgrades, all of make targets): docs/reports/full.json
# make pictures the README's and the documentation's pictures, taken of a lab
# make chaos   break a cluster in many ways under load, and write docs/chaos.md
# make soak    kill -9 the local process seventy times, every operation in a row, and write docs/chaos.md
# make vagrant two virtual machines by vagrant up (emulated where need be), and a cluster on them
# make pythons the unit tests under every supported Python that is here
# make laws    prove the laws of modules with many examples, and write docs/laws.md
# make differential   the same playbooks by ansible-playbook and by clusterbook; writes docs/differential.md
# make targets ansible-core's own tests with clusterbook-playbook; writes docs/compatibility.md (hours)
# Each installs what it lacks, and says what.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: reference expressions site help up down check test full laws differential differential-quick targets pictures chaos soak vagrant pythons venv lint types unit lab build-tools lock wheel clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SITE := build/site-tools
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start the program hundreds of times: it must not be compiled each time.
unexport PYTHONDONTWRITEBYTECODE

help:
	@sed -n 's/^# //p' Makefile | head -15

up: venv build-tools
	@$(BIN)/clusterbook up
	@command -v clusterbook >/dev/null || echo "  makes these commands known to your shell: . $(BIN)/activate"

down: venv
	@$(BIN)/clusterbook lab-down

venv: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@.ci/prepare python
	@[ -x $(BIN)/python ] || python3 -m venv $(VENV)
	@echo "python   installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

build-tools: venv
	@.ci/prepare build

check: lint types unit

lint: venv
	$(BIN)/ruff check .

types: venv
	$(BIN)/mypy

unit: venv
	@.ci/prepare tests
	@$(BIN)/python -m pytest -q --collect-only tests/lab tests/targets >/dev/null  # what is run on hosts can be read
	$(BIN)/python -m pytest -q -n auto tests/unit tests/contract

test: check site lab differential-quick

lab: venv build-tools
	$(BIN)/python -m pytest -v --durations=25 --durations-min=5 tests/lab tests/targets

targets: venv build-tools
	$(BIN)/python -m tests.targets

full: check venv build-tools
	CLUSTERBOOK_FULL=1 $(BIN)/python -m pytest -v tests/lab
	$(BIN)/python -m tests.differential --write --down
	$(BIN)/python -m tests.targets
	$(BIN)/python -m tests.community

# After a change of modules, tasks or schemas.
reference: venv
	@$(BIN)/python -m clusterbook.cli.reference

$(SITE)/.installed: requirements-site.lock
	@.ci/prepare python
	@[ -x $(SITE)/bin/python ] || python3 -m venv $(SITE)
	@echo "site     installing the locked mkdocs-material into $(SITE)"
	@$(SITE)/bin/python -m pip install --quiet --require-hashes -r requirements-site.lock
	@touch $@

# The documentation as a site in build/site, every warning and dead link an error.
site: $(SITE)/.installed
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet --strict
	@echo "site     build/site/index.html"

# Faults on a running cluster under the prober; some ten minutes.
chaos: venv build-tools
	$(BIN)/python -m tests.chaos --write

# Seventy kill -9 of the local process at random moments of every long operation, then a cluster's whole life; an hour
# and a half. One operation: python -m tests.chaos.kills --only rotate-ca --write
soak: venv build-tools
	$(BIN)/python -m tests.chaos.kills --write
	$(BIN)/python -m tests.chaos.life --write

# Without virtualisation by the processor (KVM) the machines are emulated: half an hour.
vagrant: venv build-tools
	@.ci/prepare vagrant
	$(BIN)/python -m tests.vagrant

# The unit tests once more under every other Python that this machine has.
pythons: venv
	$(BIN)/python -m tests.pythons

laws: venv
	$(BIN)/python -m tests.laws

differential: venv
	$(BIN)/python -m tests.differential.returned
	$(BIN)/python -m tests.differential --fresh --write --down

# What ansible-playbook did is remembered by the playbook's content, so that this is quick the second time.
differential-quick: venv build-tools expressions
	$(BIN)/python -m tests.differential --quick --down

# The table of expressions, asked of ansible-core again, and what its documents say that modules return; seconds.
expressions: venv
	$(BIN)/python -m tests.differential.expressions
	$(BIN)/python -m tests.differential.returned --documents

# After a change of pyproject.toml's dependencies: look at the difference before committing it.
lock:
	@python3 -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --extra dev --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.lock
	echo 'mkdocs-material>=9.5,<10' | $(VENV)-lock/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --python-version 3.11 - -o requirements-site.lock
	@rm -rf $(VENV)-lock

# The pictures of the README and of docs, taken of a lab in a terminal (tmux) and in Chromium.
pictures: venv build-tools
	@.ci/prepare pictures
	$(BIN)/python -m tests.pictures

wheel: venv
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
