"""The compiled pipeline, parsed with Kubeflow's own specification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import version

from pipeline.create_pipeline import Locations, create_pipeline
from pipeline.runners.kubeflow import compile_pipeline
from pipeline.runners.machines import Target
from schemas.config import Config
from schemas.errors import InputError
from schemas.loading import load_config
from tests.kubeflow.double import refusals

REPOSITORY = Path(__file__).parents[3]
IMPRESSIONS = (
    "data.impressions={{path: {path}, columns: {{impression: n, user: u, timestamp: t, shown: s, clicked: c}},"
    " timestamp: {{unit: s}}}}"
)
OUTPUTS: dict[Target, str] = {"kubeflow": "pipeline.yaml", "vertex": "pipeline.json"}


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(
        REPOSITORY / "pipeline" / "configs" / "quickstart.yaml",
        ["data.path=gs://bucket/log/*.inter", "data.items=null"],
    )


def compiled(config: Config, target: Target, folder: Path) -> Path:
    output = folder / OUTPUTS[target]
    compile_pipeline(config, target=target, image="registry/temporec:1", root="gs://bucket/project", output=output)
    return output


def specification(path: Path) -> pipeline_spec_pb2.PipelineSpec:
    tree = yaml.safe_load(path.read_text()) if path.suffix == ".yaml" else json.loads(path.read_text())["pipelineSpec"]
    return json_format.ParseDict(tree, pipeline_spec_pb2.PipelineSpec())


@pytest.mark.parametrize("target", OUTPUTS)
def test_compiled_pipeline_has_every_component_of_the_local_run(config: Config, target: Target, tmp_path: Path) -> None:
    local = create_pipeline(config, Locations("", "models"))
    tasks = set(specification(compiled(config, target, tmp_path)).root.dag.tasks)
    assert tasks == {component.id for component in local.components}


@pytest.mark.parametrize("target", OUTPUTS)
def test_compiled_pipeline_is_what_kubeflow_takes(config: Config, target: Target, tmp_path: Path) -> None:
    assert refusals(specification(compiled(config, target, tmp_path))) == []


def test_every_task_but_the_lookers_is_cached(config: Config, tmp_path: Path) -> None:
    tasks = specification(compiled(config, "kubeflow", tmp_path)).root.dag.tasks
    assert {name for name, task in tasks.items() if not task.caching_options.enable_cache} == {
        "LogFiles",
        "ComparedData",
        "ServedModel",
    }


@pytest.mark.parametrize("target", OUTPUTS)
def test_compiled_pipeline_has_no_path_of_this_machine(config: Config, target: Target, tmp_path: Path) -> None:
    text = compiled(config, target, tmp_path).read_text()
    for local in (REPOSITORY, Path.home(), tmp_path, Path(version.__file__).parents[1]):
        assert str(local) not in text
    assert "gs://bucket/log" in text
    assert "gs://bucket/project/models" in text


@pytest.mark.parametrize("target", OUTPUTS)
def test_two_compilations_give_equal_bytes(config: Config, target: Target, tmp_path: Path) -> None:
    first, second = (compiled(config, target, tmp_path / name).read_bytes() for name in ("first", "second"))
    assert first == second


@pytest.mark.parametrize("setting", ["data.path=/data/log.csv", "data.path=log.csv"])
def test_local_log_is_refused(setting: str, tmp_path: Path) -> None:
    config = load_config(REPOSITORY / "pipeline" / "configs" / "quickstart.yaml", [setting])
    with pytest.raises(InputError, match=r"data\.path as a URI"):
        compiled(config, "kubeflow", tmp_path)


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("data.items={path: items.csv, id: i, title: t, columns: {genres: {column: g}}}", "data.items.path"),
        ("data.items={path: items.csv, id: i, title: t}", "data.items.path"),
        ("data.users={path: users.csv, id: i, columns: {gender: {column: g}}}", "data.users.path"),
        (IMPRESSIONS.format(path="shown.csv"), "data.impressions.path"),
    ],
)
def test_local_table_that_is_read_is_refused(table: str, name: str, tmp_path: Path) -> None:
    log = ["data.path=gs://bucket/log.csv", "data.items=null", "split.kind=temporal"]
    with pytest.raises(InputError, match=rf"{name} as a URI"):
        compiled(
            load_config(REPOSITORY / "pipeline" / "configs" / "quickstart.yaml", [*log, table]), "vertex", tmp_path
        )


def test_table_of_items_is_read_on_the_cluster(tmp_path: Path) -> None:
    settings = ["data.path=gs://bucket/log.csv", "data.items={path: gs://bucket/items.csv, id: i, title: t}"]
    config = load_config(REPOSITORY / "pipeline" / "configs" / "quickstart.yaml", settings)

    spec = specification(compiled(config, "kubeflow", tmp_path))

    tasks = spec.root.dag.tasks
    assert refusals(spec) == []
    assert {"ItemFiles", "ItemTable"} <= set(tasks)
    assert not tasks["ItemFiles"].caching_options.enable_cache
    assert "ItemTable" in tasks["Trainer"].dependent_tasks
    for reader in ("Trainer", "Evaluator"):  # another title needs neither a training nor an evaluation
        assert "items" not in tasks[reader].inputs.artifacts


def test_table_that_the_model_reads_is_an_input_of_its_readers_only(tmp_path: Path) -> None:
    table = "data.items={path: gs://bucket/items.csv, id: i, title: t, columns: {genre: {column: g}}}"
    settings = ["data.path=gs://bucket/log.csv", table, "model.inputs.columns=[genre]"]
    config = load_config(REPOSITORY / "pipeline" / "configs" / "quickstart.yaml", settings)

    spec = specification(compiled(config, "kubeflow", tmp_path))

    assert refusals(spec) == []
    for reader in ("Trainer", "Refit", "Evaluator"):
        task = spec.root.dag.tasks[reader]
        assert task.inputs.artifacts["items"].task_output_artifact.producer_task == "ItemTable"
    for other in ("LogFiles", "InteractionExampleGen", "HistorySchema", "Transform", "Baselines"):
        task = json_format.MessageToJson(spec.root.dag.tasks[other])
        assert "genre" not in task
        assert "items.csv" not in task


def test_sentence_vectors_stand_between_the_table_and_the_training(tmp_path: Path) -> None:
    vectors = "sentence_vectors: {meaning: {}, unread: {}}"
    table = f"data.items={{path: gs://bucket/items.csv, id: i, title: t, {vectors}}}"
    settings = ["data.path=gs://bucket/log.csv", table, "model.inputs.columns=[meaning]"]
    config = load_config(REPOSITORY / "pipeline" / "configs" / "quickstart.yaml", settings)

    spec = specification(compiled(config, "kubeflow", tmp_path))

    assert refusals(spec) == []
    tasks = spec.root.dag.tasks
    for reader, read in {
        "SentenceVectors": "ItemTable",
        "Trainer": "SentenceVectors",
        "Refit": "SentenceVectors",
    }.items():
        assert tasks[reader].inputs.artifacts["items"].task_output_artifact.producer_task == read
    assert "unread" not in json_format.MessageToJson(tasks["SentenceVectors"])


def test_impressions_are_read_before_training_and_evaluated_on_the_cluster(tmp_path: Path) -> None:
    settings = ["data.path=gs://bucket/log.csv", "data.items=null", "split.kind=temporal"]
    impressions = IMPRESSIONS.format(path="gs://bucket/shown.csv")
    config = load_config(REPOSITORY / "pipeline" / "configs" / "quickstart.yaml", [*settings, impressions])

    spec = specification(compiled(config, "kubeflow", tmp_path))

    tasks = spec.root.dag.tasks
    assert refusals(spec) == []
    assert not tasks["ImpressionFiles"].caching_options.enable_cache
    assert "Impressions" in tasks["Trainer"].dependent_tasks
    read = tasks["ImpressionEvaluator"].inputs.artifacts
    assert {name: each.task_output_artifact.producer_task for name, each in read.items()} == {
        "impressions": "Impressions",
        "model": "Trainer",
        "counts": "Baselines",
    }


@pytest.mark.parametrize("root", ["/tmp/root", "gs://", "gs:///folder", "gs:// bucket", ""])
def test_root_without_a_bucket_is_refused(config: Config, tmp_path: Path, root: str) -> None:
    with pytest.raises(InputError, match="--root as a URI"):
        compile_pipeline(config, target="vertex", image="i", root=root, output=tmp_path / "pipeline.json")


def test_parameters_of_a_run_have_the_settings_as_defaults(config: Config, tmp_path: Path) -> None:
    spec = specification(compiled(config, "kubeflow", tmp_path))
    declared = spec.root.input_definitions.parameters
    assert {name: json_format.MessageToDict(each.default_value) for name, each in declared.items()} == {
        "data_path": config.data.path,
        "root": "gs://bucket/project",
        "models_path": "gs://bucket/project/models",
        "epochs": config.train.epochs,
        "seed": config.train.seed,
    }
    reads = {
        name: {each.component_input_parameter for each in task.inputs.parameters.values()} - {""}
        for name, task in spec.root.dag.tasks.items()
    }
    assert {name: parameters for name, parameters in reads.items() if parameters} == {
        "LogFiles": {"data_path"},
        "InteractionExampleGen": {"data_path"},
        "ComparedData": {"root"},
        "DataValidator": {"root"},
        "Trainer": {"epochs", "seed", "root"},
        "ServedModel": {"models_path"},
        "Refit": {"epochs", "seed"},
        "Pusher": {"models_path"},
    }
    assert "2000000" not in json_format.MessageToJson(spec)  # no stand-in for a number is left


@pytest.mark.parametrize(
    ("target", "root"), [("vertex", "s3://b/t"), ("kubeflow", "minio://b/t"), ("kubeflow", "hdfs://node/t")]
)
def test_root_on_a_store_that_the_target_cannot_write_is_refused(
    config: Config, tmp_path: Path, target: Target, root: str
) -> None:
    with pytest.raises(InputError, match=f"received: {root}"):
        compile_pipeline(config, target=target, image="i", root=root, output=tmp_path / "pipeline")


def test_root_with_a_trailing_slash_is_the_same_root(config: Config, tmp_path: Path) -> None:
    outputs = [tmp_path / name / "pipeline.json" for name in ("plain", "slash")]
    for output, root in zip(outputs, ("gs://b/t", "gs://b/t/"), strict=True):
        compile_pipeline(config, target="vertex", image="i", root=root, output=output)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


@pytest.mark.parametrize("image", ["", " ", "registry/temporec :1", "registry/temporec\n"])
def test_image_without_a_name_is_refused(config: Config, tmp_path: Path, image: str) -> None:
    with pytest.raises(InputError, match="container image in --image"):
        compile_pipeline(config, target="vertex", image=image, root="gs://b/r", output=tmp_path / "pipeline.json")
    assert not list(tmp_path.iterdir())


def test_output_that_cannot_be_written_is_refused(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.json").mkdir()
    for output in (tmp_path / "file" / "pipeline.json", Path("/proc/pipeline.json"), tmp_path / "folder.json"):
        with pytest.raises(InputError, match="another --output"):
            compile_pipeline(config, target="vertex", image="i", root="gs://b/r", output=output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.json"]


def test_output_with_the_suffix_of_another_target_is_refused(config: Config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends with \.json for vertex"):
        compile_pipeline(config, target="vertex", image="i", root="gs://b/r", output=tmp_path / "pipeline.yaml")
