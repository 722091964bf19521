"""Runs of TFX with the real resolver, Pusher, cache and metadata; models are a file that says who they are."""

from pathlib import Path

from tfx import v1 as tfx

from components.pusher.component import AtomicPusher
from components.resolver.last_pushed_model import LastOtherBlessedModel, blessed_model
from pipeline.runners.local import LocalRunner


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


def run(root: Path, name: str, *, blessed: bool = True) -> str | None:
    """Trains the model of this name, or takes it from the cache, and pushes it; returns which it was compared with."""
    trained = Train(name=name)
    judged = Judge(model=trained.outputs["model"], blessed=int(blessed))
    found = blessed_model(LastOtherBlessedModel, candidate=trained.outputs["model"])
    destination = tfx.proto.PushDestination.Filesystem(base_directory=str(root / "models"))
    pusher = AtomicPusher(
        model=trained.outputs["model"],
        model_blessing=judged.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(filesystem=destination),
    ).with_id("Pusher")
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="letters",
        pipeline_root=str(root / "artifacts"),
        components=[trained, judged, found, pusher],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "metadata")),
    )
    runs = LocalRunner(on_start=lambda *_: None, on_end=lambda _: None).run(pipeline)
    (outputs,) = (each.outputs for each in runs if each.component == "BlessedModel")
    return (
        (Path(outputs["model"].uri) / "Format-Serving" / "saved_model.pb").read_text() if "model" in outputs else None
    )


def served(root: Path) -> str:
    newest = max((root / "models").iterdir(), key=lambda version: int(version.name))
    return (newest / "saved_model.pb").read_text()


def test_a_model_is_compared_with_the_one_that_is_served_whenever_that_was_trained(tmp_path: Path) -> None:
    compared = []
    for name in "ABAC":
        compared.append(run(tmp_path, name))
        assert served(tmp_path) == name
    assert compared == [None, "A", "B", "A"]


def test_a_second_run_of_an_unchanged_pipeline_compares_with_the_same_model(tmp_path: Path) -> None:
    assert [run(tmp_path, name) for name in "AABB"] == [None, None, "A", "A"]


def test_a_refused_model_is_not_compared_with(tmp_path: Path) -> None:
    assert run(tmp_path, "A", blessed=False) is None
    assert run(tmp_path, "B") is None
    assert run(tmp_path, "C", blessed=False) == "B"
    assert run(tmp_path, "D") == "B"
