# Every target from nothing: `make demo` and `make test` install what they need. Only scripts and `temporec` have logic.
SHELL := /bin/sh
PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint lock test-other-lane clean

help:
	@echo "make demo             MovieLens-100K: install, fetch, run the pipeline, recommend"
	@echo "make test             install, then linters, types and all tests, as CI does"
	@echo "make setup [LANE=A]   only the environment .venv (docs/lanes.md, docs/install.md)"
	@echo "make lint             only linters and types"
	@echo "make lock             resolve requirements/*.in to exact versions again"
	@echo "make test-other-lane  on Debian 12 as root: the tests on Debian 13, which takes lane B"
	@echo "make clean            remove the environment and caches; keeps data/ and runs/"

setup:
	@command -v $(PYTHON) >/dev/null || { echo "setup needs python3: apt-get install python3 python3-dev python3-venv (Debian, Ubuntu)" >&2; exit 2; }
	@$(PYTHON) -m pipeline.install.bootstrap $(if $(LANE),--lane $(LANE))

demo: setup
	.venv/bin/temporec data fetch movielens-100k --to data/movielens-100k
	.venv/bin/temporec run --config pipeline/configs/quickstart.yaml --root runs/quickstart

test: lint
	.venv/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

lock: setup
	bash requirements/lock.sh

test-other-lane:
	bash tests/other_lane.sh

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
