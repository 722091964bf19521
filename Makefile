# Every target works from nothing: it installs what it needs. The logic is in scripts and in `temporec`.
SHELL := /bin/sh
PYTHON ?= python3
# In the order of their names, the files with a few long tests do not come last, when other processes have nothing to do.
# One process more than cores: tests wait for servers and other processes.
PROCESSES := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
PYTEST := .venv/bin/python -m pytest -n $(PROCESSES) --maxprocesses 4 --dist loadfile --no-loadscope-reorder
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format docs coverage build lock test-other-set kubeflow-test image image-test clean

help:
	@echo "make demo             MovieLens-100K: install, download, run the pipeline, recommend"
	@echo "make test             install, then linters, types, documentation and all tests, as in CI"
	@echo "make setup [SET=NAME] only make the environment .venv (docs/install.md, docs/dependency-sets.md)"
	@echo "make lint             only linters, spelling and types"
	@echo "make format           format the code and fix what linters can fix"
	@echo "make docs             build the documentation site into site/; a broken link is an error"
	@echo "make coverage         all tests, with the coverage of each file; HTML in htmlcov/"
	@echo "make build            the wheel and the source distribution, into dist/"
	@echo "make lock             resolve the packages of pyproject.toml to exact versions again"
	@echo "make test-other-set   on Debian 12 as root: make test in a Debian 13, with tfx-1.21"
	@echo "make kubeflow-test    run the compiled pipeline as Kubeflow does, on real object stores; needs Go"
	@echo "make image [VARIANT=cuda] [BASE=IMAGE] the container images, with podman or docker (docs/image.md)"
	@echo "make image-test       build the images and test them, also without a container engine; needs Go and root"
	@echo "make clean            remove the environment, caches and built files; keep data/ and runs/"

setup:
	@command -v $(PYTHON) >/dev/null || { echo "setup needs python3: apt-get install python3 python3-dev python3-venv (Debian, Ubuntu)" >&2; exit 2; }
	@$(PYTHON) -m pipeline.install.bootstrap $(if $(SET),--set $(SET))

demo: setup
	.venv/bin/temporec data fetch movielens-100k --to data/movielens-100k
	.venv/bin/temporec run --config pipeline/configs/quickstart.yaml --root runs/quickstart

test: lint docs
	$(PYTEST)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/codespell
	.venv/bin/hadolint Dockerfile
	.venv/bin/mypy

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: setup
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

coverage: setup
	$(PYTEST) --cov --cov-report=term --cov-report=html

build: setup
	rm -rf build dist
	.venv/bin/python -m build --no-isolation

lock: setup
	bash requirements/lock.sh

test-other-set:
	bash tests/other_set.sh

kubeflow-test: setup
	$(PYTEST) tests/kubeflow

image:
	@$(PYTHON) -m pipeline.install.images $(if $(VARIANT),--variant $(VARIANT)) $(if $(BASE),--base $(BASE))

image-test: setup
	bash tests/image.sh

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage* htmlcov site build dist .tools *.egg-info
