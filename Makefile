# make demo   set up, then run the main job end to end on an embedded example
# make test   set up, then run the tests
# make lint   formatting, types, layers, workflow files
# make docs   build the documentation into build/docs; a warning is an error
# make lock   resolve the image's dependencies again; make lock-check: check that they match pyproject.toml
# make audit  look for known vulnerabilities in the locked packages
# make dist   build the wheel and the source distribution into dist/
# make e2e    races, kills, attacks and GTO 0.2.4, then the real image and real workflows on it (needs root on Debian, or a Docker engine)
# make bench  compare with GTO, and write benchmarks/RESULTS.md; for less: BENCH='GROUP … --tags N,…'

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint docs e2e bench lock lock-check audit dist clean
.DELETE_ON_ERROR:
.SECONDARY:

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# Each target installs what it needs and no more. A stamp is written last: what was interrupted is done again.
$(VENV)/.package: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or newer is needed; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is needed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.with-%: $(VENV)/.package
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

demo: $(VENV)/.package
	@$(BIN)/python examples/demo.py

test: $(VENV)/.with-test
	$(BIN)/python -m pytest --numprocesses auto

lint: $(VENV)/.with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict setup/install.py .github/release.py benchmarks
	$(BIN)/lint-imports --no-logo
	bash tests/lint/workflows.sh

# Much of it is made from the program, so nothing is kept from one build to the next.
docs: $(VENV)/.with-docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --fresh-env --builder html \
		--doctree-dir build/doctrees docs build/docs
	@echo 'build/docs/index.html'

e2e: $(VENV)/.with-e2e
	bash tests/e2e/host.sh
	$(BIN)/python -m pytest tests/stress tests/oracle/test_old*.py --numprocesses auto \
		--override-ini addopts='$(STRICT) --dist=worksteal'
	$(BIN)/python -m pytest tests/e2e --override-ini addopts='$(STRICT)'

# It makes environments of its own under .peers, for ours (as a wheel) and for GTO.
bench: $(VENV)/.package
	$(BIN)/python -m benchmarks $(BENCH)

STRICT := -ra --strict-markers --strict-config

# What the image installs, and setup/ on any system and Python from 3.10 on; a wheel for each, by hash.
LOCK = UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet --no-config --generate-hashes \
	--only-binary :all: --universal --python-version 3.10 $(UPGRADE)

# Left out are DVC's extras that are not to be had as wheels (oss, ssh_gssapi, webhdfs_kerberos), need Java (hdfs),
# or work with an old cryptography alone (gdrive).
DVC := dvc[azure,gs,s3,ssh,webdav,webhdfs]

LOCKS := requirements.lock requirements-build.lock gto_ci/dvc/dvc.lock

lock: UPGRADE := --upgrade
lock: $(VENV)/.with-lock
	rm -rf .lock && $(MAKE) --no-print-directory $(LOCKS:%=.lock/%) UPGRADE='$(UPGRADE)' && cp -R .lock/. . && rm -rf .lock

# What is locked already stays, so there is a difference only where a lock lacks what is asked for, or has too much.
lock-check: $(VENV)/.with-lock
	@rm -rf .lock && mkdir -p .lock/gto_ci/dvc && for lock in $(LOCKS); do cp $$lock .lock/$$lock; done
	@$(MAKE) --no-print-directory $(LOCKS:%=.lock/%) UPGRADE=
	@for lock in $(LOCKS); do \
		diff -u $$lock .lock/$$lock || { echo "$$lock is not what is asked for; to update it: make lock" >&2; exit 1; }; \
	done && rm -rf .lock && echo 'The locks are what is asked for'

.PHONY: $(LOCKS:%=.lock/%)
.lock/requirements.lock:
	@mkdir -p $(@D)
	$(LOCK) pyproject.toml --output-file $@
.lock/requirements-build.lock:
	@mkdir -p $(@D)
	sed -n 's/^requires = \["\(.*\)"\]$$/\1/p' pyproject.toml | $(LOCK) - --no-annotate --output-file $@
.lock/gto_ci/dvc/dvc.lock:
	@mkdir -p $(@D)
	printf '%s\n' '$(DVC)' pip | $(LOCK) - --no-strip-extras --output-file $@

audit: $(VENV)/.with-audit
	for lock in $(LOCKS); do $(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r $$lock || exit 1; done

dist: $(VENV)/.with-lock
	rm -rf dist
	$(BIN)/uv build --quiet --no-config --build-constraints requirements-build.lock --require-hashes --out-dir dist
	@ls dist

clean:
	rm -rf $(VENV) .lock build dist .peers .bench .node .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
