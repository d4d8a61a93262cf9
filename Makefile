# Everything a newcomer types; `make help` lists it. Each target sets up what it needs by itself.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-soak vm-test check fmt bench bench-center bench-link bench-microphone bench-camera docs lock packages roots clean
PYTHON := .venv/bin/python
PACKAGES := contract probes edge_agent control_center demo bench docs tests ansible packaging

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/' | column -t -s '—'

setup: ## .venv/ and .venv-ansible/ from the hash-locked lists, Debian packages that are missing
	@packaging/developer-setup.sh

demo: setup ## a whole meeting in about 90 seconds; ARGS=--exit ends by itself
	@$(PYTHON) -m demo $(ARGS)

test: setup ## every test that needs no virtual machine
	@$(PYTHON) -m pytest $(ARGS)

test-soak: setup ## the long rounds: kill -9, cut links, restarted brokers, a hundred times
	@$(PYTHON) -m pytest -m soak --timeout=3600 $(ARGS)
	@HYPOTHESIS_PROFILE=soak $(PYTHON) -m pytest --timeout=3600 tests/contract tests/control_center/incidents tests/edge_agent/test_debounce.py

vm-test: setup ## a site PC in a virtual machine, a center under systemd: deployed, broken, reset, upgraded, purged (as root)
	@$(PYTHON) -m tests.vm $(ARGS)

check: setup ## style, types, layers, generated documents
	@$(PYTHON) -m ruff check $(PACKAGES)
	@$(PYTHON) -m ruff format --check $(PACKAGES)
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(PYTHON) -m docs.generate --check
	@cd ansible && PATH=$(CURDIR)/.venv-ansible/bin:$$PATH ansible-playbook -i inventories/example site.yml --syntax-check >/dev/null
	@cd ansible && PATH=$(CURDIR)/.venv-ansible/bin:$$PATH ansible-lint --offline -q

fmt: setup ## put the code into shape
	@$(PYTHON) -m ruff check --fix-only --quiet $(PACKAGES)
	@$(PYTHON) -m ruff format $(PACKAGES)

bench: setup ## measured figures beside their goals and public peers; 1 when one is missed
	@$(PYTHON) -m bench $(ARGS)

bench-link: setup ## the link watch beside fping and irtt, cuts, false alarms (as root); ARGS=--quick for some minutes
	@$(PYTHON) -m bench.link $(ARGS)

bench-center: setup ## the center under thousands of sites beside its broker, with open pages; ARGS='--sites 5000'
	@$(PYTHON) -m bench.center $(ARGS)

bench-microphone: setup ## howling: ours beside four published detectors; builds 4 GB of clips first; ARGS='--part held --ours'
	@$(PYTHON) -m bench.microphone $(ARGS)

bench-camera: setup ## the camera probe on scenes that were not tuned on, beside ffmpeg's filters; ARGS='--part held'
	@$(PYTHON) -m bench.camera $(ARGS)

docs: setup ## draw the generated documents again
	@$(PYTHON) -m docs.generate

lock: ## choose versions anew and write the two lock files (names, versions and hashes only)
	@$(PYTHON) -m pip install --quiet uv
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --all-extras --group dev --upgrade pyproject.toml --output-file requirements.lock
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --upgrade packaging/control-node.in --output-file packaging/control-node.lock

packages: ## dist/*.deb, each installing without network; ARGS='--version 0.2.0' for another version
	@packaging/build.sh $(ARGS)

roots: ## small Debian roots with systemd in the cache (bookworm, trixie), for trials; needs root
	@packaging/root.sh bookworm
	@packaging/root.sh trixie

clean: ## remove what was built, not what was recorded
	@rm -rf .venv .venv-ansible build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
