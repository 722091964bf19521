"""Transform encodes examples, and the exported model encodes a request in the same way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata

from components.schema_gen.component import history_schema_text
from components.transform.preprocessing import BUCKETS, preprocessing_fn
from schemas.config import ModelConfig
from schemas.config.tables import UsersTableConfig
from schemas.features import GAP, HOUR, ITEM_IDS, TARGET_ID, WEEKDAY, boundaries_key, codes_key
from serving.export.request_features import RequestFeatureEncoder
from tests.components.history_example import HistoryExample, to_example
from tests.components.logs import data
from trainer.data.feature_spec import numbers_read, read_feature_spec

NAN = float("nan")
START_S = 1_600_520_400  # a Saturday, 13:00 UTC
DATA = data(
    further={"event": "event", "value": "value", "context": {"genres": {"column": "genres", "of": "item"}}},
    users=UsersTableConfig.model_validate(
        {"path": "users.csv", "id": "id", "columns": {"age": {"column": "a", "kind": "number"}, "sex": {"column": "s"}}}
    ),
)


def history(
    items: Sequence[str],
    times: Sequence[int],
    events: Sequence[str],
    values: Sequence[float],
    *later: str,
    split: str = "train",
) -> HistoryExample:
    """Return an example: the last value of each sequence belongs to the first target; `later` are further targets."""
    return HistoryExample(
        split=split,
        user_id="u",
        item_ids=list(items[:-1]),
        timestamps_s=[START_S + time for time in times[:-1]],
        target_ids=[items[-1], *later],
        target_timestamp_s=START_S + times[-1],
        exclude_ids=[],
        further={"event": list(events[:-1]), "value": list(values[:-1]), "genres": ["x|y"] * (len(items) - 1)},
        target_further={"event": events[-1], "value": values[-1], "genres": "x|y"},
        train_interactions=len(items),
        of_user={"user_age": 30.0, "user_sex": ""},
    )


HISTORIES = [
    history("aab", [0, 60, 7_260], ["view", "view", "buy"], [1.0, NAN, 3.0]),
    history("bc", [0, 86_400], ["", "view"], [2.0, 2.0], "d"),
]


class Transformed(NamedTuple):
    examples: list[dict[str, Any]]
    output: tft.TFTransformOutput


@pytest.fixture(scope="module")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> Transformed:
    return transform(HISTORIES, tmp_path_factory.mktemp("transform"))


def transform(histories: Sequence[HistoryExample], folder: Path) -> Transformed:
    schema = text_format.Parse(history_schema_text(DATA), schema_pb2.Schema())
    spec = {
        feature.name: tf.io.FixedLenFeature([], _DTYPES[feature.type])
        if feature.HasField("shape")
        else tf.io.VarLenFeature(_DTYPES[feature.type])
        for feature in schema.feature
    }
    rows = []
    for each in histories:
        parsed = tf.io.parse_single_example(to_example(each), spec)
        rows.append(
            {
                name: value.values.numpy().tolist() if isinstance(value, tf.SparseTensor) else value.numpy()
                for name, value in parsed.items()
            }
        )
    custom_config = {"times": True, "features": [feature.model_dump_json() for feature in DATA.features]}
    with tft_beam.Context(temp_dir=str(folder / "scratch")):
        (transformed_rows, _), function = (
            rows,
            dataset_metadata.DatasetMetadata(schema),
        ) | tft_beam.AnalyzeAndTransformDataset(lambda inputs: preprocessing_fn(inputs, custom_config))
        _ = function | tft_beam.WriteTransformFn(str(folder / "transform"))
    return Transformed(transformed_rows, tft.TFTransformOutput(str(folder / "transform")))


_DTYPES = {
    schema_pb2.FeatureType.BYTES: tf.string,
    schema_pb2.FeatureType.INT: tf.int64,
    schema_pb2.FeatureType.FLOAT: tf.float32,
}


def codes(transformed: Transformed, name: str) -> list[list[int]]:
    return [row[f"{codes_key(name)}$ragged_values"].tolist() for row in transformed.examples]


def test_item_ids_are_integers_independent_of_frequency(transformed: Transformed, tmp_path: Path) -> None:
    """In the order of frequency, an item that is often a test target would have a low id."""
    vocabulary = transformed.output.vocabulary_by_name("items")
    ids = {item.decode(): number for number, item in enumerate(vocabulary, 1)}

    assert [row[f"{ITEM_IDS}$ragged_values"].tolist() for row in transformed.examples] == [
        [ids["a"], ids["a"]],
        [ids["b"]],
    ]
    assert [row[TARGET_ID] for row in transformed.examples] == [ids["b"], ids["c"]]
    more = [history(item * 5, [0] * 5, [""] * 5, [1.0] * 5) for item in (vocabulary[-1].decode(), "c")]
    assert transform([*HISTORIES, *more], tmp_path).output.vocabulary_by_name("items") == vocabulary


def test_item_vocabulary_includes_items_that_are_only_later_targets(transformed: Transformed) -> None:
    assert sorted(transformed.output.vocabulary_by_name("items")) == [b"a", b"b", b"c", b"d"]


def test_category_ids_follow_frequency_and_missing_is_0(transformed: Transformed) -> None:
    assert codes(transformed, "event") == [[1, 1, 2], [0, 1]]
    assert codes(transformed, "genres") == [[1, 1, 1], [1, 1]]


def test_number_ids_are_those_of_their_buckets(transformed: Transformed) -> None:
    (low, none, high), (middle, same) = codes(transformed, "value")

    assert none == 0
    assert 1 <= low < middle == same < high <= BUCKETS


def test_time_ids_include_the_target(transformed: Transformed) -> None:
    (first, minute, two_hours), (second_first, day) = codes(transformed, GAP)

    assert first == second_first == 0
    assert 1 <= minute < two_hours < day <= BUCKETS
    assert codes(transformed, HOUR) == [[14, 14, 16], [14, 14]]
    assert codes(transformed, WEEKDAY) == [[6, 6, 6], [6, 7]]


def test_buckets_and_categories_come_from_the_training_split_only(transformed: Transformed, tmp_path: Path) -> None:
    future = [
        history("ab", [0, 9_000_000 + step], ["rent", "rent"], [100.0, 200.0 + step], split=split)
        for step, split in enumerate(["test", "eval"] * 20)
    ]
    with_future = transform([*HISTORIES, *future], tmp_path)

    for name in (GAP, "value"):
        np.testing.assert_array_equal(
            with_future.examples[-1][boundaries_key(name)], transformed.examples[0][boundaries_key(name)]
        )
    assert with_future.output.vocabulary_by_name("event") == transformed.output.vocabulary_by_name("event")
    assert codes(with_future, "event")[-1] == [3, 3]  # an unknown category


def test_request_features_equal_the_transformed_ones(transformed: Transformed) -> None:
    model = ModelConfig.model_validate(
        {"inputs": {"time": True, "query_time": True, "columns": ["event", "value", "genres"]}}
    )
    boundaries = {name: transformed.examples[0][boundaries_key(name)] for name in numbers_read(model, DATA.features)}
    columns = read_feature_spec(transformed.output.vocabulary_file_by_name, boundaries, model, DATA.features, {})
    context = RequestFeatureEncoder(columns.encodings)
    serialized = tf.constant([to_example(each) for each in HISTORIES])
    features = tf.io.parse_example(serialized, {ITEM_IDS: tf.io.RaggedFeature(tf.string), **context.features()})
    items = features[ITEM_IDS].to_tensor("")

    found = context.feature_ids(
        context.parsed(features, items),
        tf.ones(tf.shape(items), tf.int64),
        lambda values: tf.ragged.boolean_mask(tf.broadcast_to(values, tf.shape(items)), items != ""),
    )

    assert set(found) == set(columns.batch_columns) == {GAP, HOUR, WEEKDAY, "event", "value"}
    for name in (GAP, HOUR, WEEKDAY):
        trained = codes(transformed, name)
        assert [row[: len(want)] for row, want in zip(found[name].numpy().tolist(), trained, strict=True)] == trained
    for name in ("event", "value"):  # a request has no target; only its time is known
        trained = [row[:-1] for row in codes(transformed, name)]
        assert [row[: len(want)] for row, want in zip(found[name].numpy().tolist(), trained, strict=True)] == trained
    assert columns.item_encodings["genres"][0].categories() == ["x|y"]
