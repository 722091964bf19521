"""The examples of the ingestion are validated against the schema as ExampleValidator does it."""

import pytest
import tensorflow_data_validation as tfdv
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.example_gen.ingest import ingest
from components.schema_gen.component import history_schema_text
from schemas.config import HistoryConfig, TemporalSplitConfig
from schemas.config.log import DataConfig
from schemas.config.tables import UsersTableConfig
from tests.components.logs import START_S, data, local_pipeline

SPLITS = ("train", "eval", "test")
ADDED = {"target_ids", "train_interactions", "user_age", "user_sex"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    folder = tmp_path_factory.mktemp("log")
    rows = [f"u{step % 9},i{step % 7},{START_S + step}" for step in range(200)]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *rows, ""]))
    (folder / "users.csv").write_text("id,age,sex\n" + "".join(f"u{n},{20 + n if n else ''},f\n" for n in range(5)))
    columns = {"age": {"column": "age", "kind": "number"}, "sex": {"column": "sex"}}
    users = UsersTableConfig.model_validate({"path": f"{folder}/users.csv", "id": "id", "columns": columns})
    return data(folder / "log.csv", users=users)


@pytest.fixture(scope="module")
def statistics(
    settings: DataConfig, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, statistics_pb2.DatasetFeatureStatisticsList]:
    folder = tmp_path_factory.mktemp("examples")
    split = TemporalSplitConfig(kind="temporal", targets="all")
    ingest(local_pipeline, settings, split, HistoryConfig(max_length=5), str(folder))
    return {
        split: tfdv.generate_statistics_from_tfrecord(
            f"{folder}/Split-{split}/*", pipeline_options=PipelineOptions(["--runner=FnApiRunner"])
        )
        for split in SPLITS
    }


@pytest.mark.parametrize("split", SPLITS)
def test_history_schema_accepts_every_split(
    settings: DataConfig, statistics: dict[str, statistics_pb2.DatasetFeatureStatisticsList], split: str
) -> None:
    schema = text_format.Parse(history_schema_text(settings), schema_pb2.Schema())

    assert {feature.name for feature in schema.feature} >= ADDED
    assert dict(tfdv.validate_statistics(statistics[split], schema).anomaly_info) == {}


@pytest.mark.parametrize("name", sorted(ADDED))
def test_history_schema_finds_a_missing_feature(
    settings: DataConfig, statistics: dict[str, statistics_pb2.DatasetFeatureStatisticsList], name: str
) -> None:
    schema = text_format.Parse(history_schema_text(settings), schema_pb2.Schema())
    lacking = statistics_pb2.DatasetFeatureStatisticsList()
    lacking.CopyFrom(statistics["test"])
    (dataset,) = lacking.datasets
    place = next(place for place, feature in enumerate(dataset.features) if list(feature.path.step) == [name])
    del dataset.features[place]

    assert set(tfdv.validate_statistics(lacking, schema).anomaly_info) == {name}
