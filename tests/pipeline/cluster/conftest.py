from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import app
from pipeline.runners.kubeflow import compile_pipeline
from schemas.loading import load_config
from tests.kubeflow.api_server import ApiServer, api_server

QUICKSTART = Path(__file__).parents[3] / "pipeline" / "configs" / "quickstart.yaml"
SETTINGS = ["data.path=gs://bucket/log.csv", "data.items=null"]

Command = Callable[..., str]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The quickstart's pipeline, compiled for each orchestrator; for Kubeflow also with settings of Kubernetes."""
    folder = tmp_path_factory.mktemp("compiled")
    files: dict[str, Any] = {
        "kubeflow": (folder / "pipeline.yaml", []),
        "secrets": (folder / "secrets.yaml", ["cluster.secrets={KEY: store/key}"]),
        "vertex": (folder / "pipeline.json", []),
    }
    for name, (path, settings) in files.items():
        target: Any = "vertex" if name == "vertex" else "kubeflow"
        config = load_config(QUICKSTART, [*SETTINGS, *settings])
        compile_pipeline(config, target=target, image="registry/temporec:1", root="gs://bucket/root", output=path)
    return {name: path for name, (path, _) in files.items()}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ApiServer]:
    """A server of Kubeflow Pipelines; the client has no settings of its own."""
    monkeypatch.setattr("kfp.client.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    for name in ("KUBEFLOW_TOKEN", "KUBEFLOW_COOKIES"):
        monkeypatch.delenv(name, raising=False)
    with api_server(ApiServer()) as state:
        yield state


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process, and return what it prints."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        app([*map(str, arguments)], standalone_mode=False)
        return capsys.readouterr().out

    return run
