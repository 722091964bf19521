"""Runs of TFX with the real looker, Pusher, cache and metadata. A model is a file with its name."""

import shutil
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts

from components.common.looker import SEEN
from components.common.versions import JUDGED
from components.pusher.component import AtomicPusher
from components.pusher.publish import SCRATCH
from components.served_model.component import ServedModel, previous_version
from pipeline.runners.local import ComponentRun, LocalRunner
from schemas.config import BeamConfig


@component
def Train(  # type: ignore[no-untyped-def]
    name: Parameter[str],
    model: OutputArtifact[standard_artifacts.Model],
):
    folder = Path(model.uri) / "Format-Serving"
    folder.mkdir(parents=True)
    for file in ("saved_model.pb", "fingerprint.pb"):
        (folder / file).write_text(name)


@component
def Judge(  # type: ignore[no-untyped-def]
    model: InputArtifact[standard_artifacts.Model],
    blessed: Parameter[int],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
):
    blessing.set_int_custom_property("blessed", blessed)
    blessing.set_int_custom_property("current_model_id", model.id)


@component
def Read(  # type: ignore[no-untyped-def]
    text: OutputArtifact[standard_artifacts.ModelRun],
    previous: Parameter[str],
):
    text.set_string_custom_property("text", (Path(previous) / "saved_model.pb").read_text() if previous else "")


def run_all(root: Path, name: str, *, blessed: bool = True, pipeline_name: str = "letters") -> dict[str, ComponentRun]:
    """Train the model of this name, or take it from the cache, and push it; return the run of each component."""
    trained = Train(name=name)
    judged = Judge(model=trained.outputs["model"], blessed=int(blessed))
    models = str(root / "models")
    looker = ServedModel(trained.outputs["model"], models)
    read = Read(previous=looker.outputs[SEEN].future()[0].value)
    destination = pusher_pb2.PushDestination.Filesystem(base_directory=models)
    pusher = AtomicPusher(
        model=trained.outputs["model"],
        model_blessing=judged.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(filesystem=destination),
    ).with_id("Pusher")
    pipeline = Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=str(root / "artifacts"),
        components=[trained, judged, looker, read, pusher],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata")),
    )
    runs = LocalRunner(on_start=lambda *_: None, on_end=lambda _: None, beam=BeamConfig()).run(pipeline)
    return {run.component: run for run in runs}


def run(root: Path, name: str, *, blessed: bool = True, pipeline_name: str = "letters") -> str | None:
    """Return the model to compare with."""
    outputs = run_all(root, name, blessed=blessed, pipeline_name=pipeline_name)["Read"].outputs
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


def test_components_after_the_looker_come_from_the_cache_until_another_model_is_served(tmp_path: Path) -> None:
    def read_again(name: str) -> bool:
        return not run_all(tmp_path, name)["Read"].cached

    assert [read_again(name) for name in "AABBA"] == [True, False, True, False, True]


def test_looker_always_looks(tmp_path: Path) -> None:
    assert [run_all(tmp_path, "A")["ServedModel"].cached for _ in range(2)] == [False, False]


def test_previous_model_is_found_where_the_root_was_moved_to(tmp_path: Path) -> None:
    for name in "AB":
        run(tmp_path / "old", name)
    (tmp_path / "old").rename(tmp_path / "new")
    assert run(tmp_path / "new", "C") == "B"


def test_previous_model_is_read_from_models_alone(tmp_path: Path) -> None:
    for name in "AB":
        run(tmp_path, name)
    shutil.rmtree(tmp_path / "artifacts" / "Train")
    assert run(tmp_path, "C") == "B"


def test_version_that_was_removed_is_pushed_again(tmp_path: Path) -> None:
    for name in "AB":
        run(tmp_path, name)
    shutil.rmtree(max((tmp_path / "models").iterdir()))
    assert run(tmp_path, "B") == "A"
    assert served(tmp_path) == "B"


def test_previous_version_of_a_refitted_one_is_its_judged_model(tmp_path: Path) -> None:
    def write(folder: Path, fingerprint: str) -> Path:
        folder.mkdir(parents=True)
        (folder / "fingerprint.pb").write_text(fingerprint)
        (folder / "saved_model.pb").touch()
        return folder

    models, candidate = tmp_path / "models", write(tmp_path / "candidate", "C")
    write(models / "1", "A")
    for version, judged in (("2", "B"), ("3", "C")):  # version 3 is the candidate, refitted by an earlier run
        write(models / version / JUDGED, judged)
        for name in ("fingerprint.pb", "saved_model.pb"):
            (models / version / name).write_text(f"{judged}, refitted")
    assert previous_version(str(models), str(candidate)) == f"{models}/2/{JUDGED}"
    shutil.rmtree(models / "2")
    assert previous_version(str(models), str(candidate)) == str(models / "1")


def test_previous_version_is_the_newest_whole_one_that_is_no_copy_of_the_candidate(tmp_path: Path) -> None:
    def write(folder: Path, fingerprint: str, *, whole: bool = True) -> Path:
        folder.mkdir(parents=True)
        (folder / "fingerprint.pb").write_text(fingerprint)
        if whole:
            (folder / "saved_model.pb").touch()
        return folder

    models, candidate = tmp_path / "models", write(tmp_path / "candidate", "C")
    assert previous_version(str(models), str(candidate)) == ""
    for version, fingerprint in (("9", "A"), ("10", "B"), ("11", "C")):
        write(models / version, fingerprint)
    write(models / "12", "D", whole=False)
    write(models / SCRATCH, "E")
    assert previous_version(str(models), str(candidate)) == str(models / "10")
