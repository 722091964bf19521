"""Runs of TFX with the real resolver, Pusher, cache and metadata. A model is a file with its name."""

import shutil
from pathlib import Path

import pytest
from tfx import v1 as tfx
from tfx.orchestration import metadata

from components.common.previous_model import previous_model_folder
from components.pusher.component import AtomicPusher
from components.resolver.last_pushed_model import LastOtherBlessedModel, previous_model, require_last_pushed_model
from pipeline.runners.local import LocalRunner
from schemas.errors import InputError


@tfx.dsl.components.component
def Train(  # type: ignore[no-untyped-def]
    name: tfx.dsl.components.Parameter[str],
    model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
):
    folder = Path(model.uri) / "Format-Serving"
    folder.mkdir(parents=True)
    for file in ("saved_model.pb", "fingerprint.pb"):
        (folder / file).write_text(name)


@tfx.dsl.components.component
def Judge(  # type: ignore[no-untyped-def]
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    blessed: tfx.dsl.components.Parameter[int],
    blessing: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelBlessing],
):
    blessing.set_int_custom_property("blessed", blessed)
    blessing.set_int_custom_property("current_model_id", model.id)


@tfx.dsl.components.component
def Read(  # type: ignore[no-untyped-def]
    text: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ModelRun],
    previous: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model] = None,
):
    folder = previous_model_folder(previous) if previous else None
    text.set_string_custom_property("text", (Path(folder) / "saved_model.pb").read_text() if folder else "")


def run(root: Path, name: str, *, blessed: bool = True, pipeline_name: str = "letters") -> str | None:
    """Train the model of this name, or take it from the cache, and push it; return the model to compare it with."""
    trained = Train(name=name)
    judged = Judge(model=trained.outputs["model"], blessed=int(blessed))
    models = str(root / "models")
    previous = previous_model(LastOtherBlessedModel, candidate=trained.outputs["model"], models=models)
    read = Read(previous=previous.outputs["model"])
    destination = tfx.proto.PushDestination.Filesystem(base_directory=models)
    pusher = AtomicPusher(
        model=trained.outputs["model"],
        model_blessing=judged.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(filesystem=destination),
    ).with_id("Pusher")
    pipeline = tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=str(root / "artifacts"),
        components=[trained, judged, previous, read, pusher],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "metadata")),
    )
    runs = LocalRunner(on_start=lambda *_: None, on_end=lambda _: None).run(pipeline)
    (outputs,) = (each.outputs for each in runs if each.component == "Read")
    return outputs["text"].custom_properties["text"].string_value or None


def served(root: Path) -> str:
    newest = max((root / "models").iterdir(), key=lambda version: int(version.name))
    return (newest / "saved_model.pb").read_text()


def test_previous_model_is_the_served_one_regardless_of_when_it_was_trained(tmp_path: Path) -> None:
    compared = []
    for name in "ABAC":
        compared.append(run(tmp_path, name))
        assert served(tmp_path) == name
    assert compared == [None, "A", "B", "A"]


def test_previous_model_of_an_unchanged_pipeline_is_the_same_again(tmp_path: Path) -> None:
    assert [run(tmp_path, name) for name in "AABB"] == [None, None, "A", "A"]


def test_previous_model_is_never_a_refused_one(tmp_path: Path) -> None:
    assert run(tmp_path, "A", blessed=False) is None
    assert run(tmp_path, "B") is None
    assert run(tmp_path, "C", blessed=False) == "B"
    assert run(tmp_path, "D") == "B"


def test_previous_model_of_a_renamed_pipeline_is_the_one_served_in_the_root(tmp_path: Path) -> None:
    assert run(tmp_path, "A", pipeline_name="letters") is None
    assert run(tmp_path, "B", pipeline_name="renamed") == "A"
    assert run(tmp_path, "C", pipeline_name="letters") == "B"


def test_previous_model_in_a_moved_root_is_the_copy_in_models(tmp_path: Path) -> None:
    for name in "AB":
        run(tmp_path / "old", name)
    (tmp_path / "old").rename(tmp_path / "new")
    assert run(tmp_path / "new", "C") == "B"


def test_previous_model_without_its_folder_is_any_copy_that_was_pushed(tmp_path: Path) -> None:
    for name in "AB":
        run(tmp_path, name)
    shutil.rmtree(tmp_path / "artifacts" / "Train")
    assert run(tmp_path, "C") == "B"
    shutil.rmtree(tmp_path / "artifacts" / "Train")
    shutil.rmtree(tmp_path / "models")
    assert run(tmp_path, "D") == "C"  # from the Pusher's own artifact


def test_require_last_pushed_model_without_any_copy_raises_before_a_run(tmp_path: Path) -> None:
    def require(models: str) -> None:
        connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata"))
        with metadata.Metadata(connection) as handle:
            require_last_pushed_model(handle.store, models)

    require("nowhere")  # nothing was pushed
    run(tmp_path, "A")
    models = str(tmp_path / "models")
    require(models)
    shutil.rmtree(tmp_path / "artifacts")
    require(models)
    with pytest.raises(InputError, match="no such folder, and no copy of it"):
        require("nowhere")
