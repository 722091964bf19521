"""The schema of a user on top of the derived one."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.schema_gen.component import history_schema_text
from components.schema_gen.given_schema import with_given_schema
from schemas.errors import InputError
from tests.components.logs import data

DERIVED = history_schema_text(data(further={"event": "event"}))


def merged(tmp_path: Path, text: str) -> schema_pb2.Schema:
    (tmp_path / "schema.pbtxt").write_text(text)
    return text_format.Parse(with_given_schema(DERIVED, str(tmp_path / "schema.pbtxt")), schema_pb2.Schema())


def test_given_features_are_added_to_the_derived_ones(tmp_path: Path) -> None:
    schema = merged(
        tmp_path,
        """feature { name: "event" domain: "events" }
        feature { name: "item_ids" value_count { max: 20 } }
        string_domain { name: "events" value: "buy" value: "view" }
        represent_variable_length_as_ragged: false""",
    )
    expected = text_format.Parse(DERIVED, schema_pb2.Schema())
    for feature in expected.feature:
        if feature.name == "event":
            feature.domain = "events"
        if feature.name == "item_ids":
            feature.value_count.max = 20
    expected.string_domain.add(name="events", value=["buy", "view"])
    assert schema == expected


def test_without_a_file_the_derived_schema_is_unchanged() -> None:
    assert with_given_schema(DERIVED, None) == DERIVED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feature {", "received: 1:9 : Expected"),
        ('feature { name: "events" }', "remedy:   did you mean event?"),
        ('feature { name: "event" type: INT }', "type BYTES of event.*\nreceived: INT"),
        ('feature { name: "event" shape {} }', "no other shape of event.*\nreceived: a scalar"),
    ],
)
def test_schema_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        merged(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"schema_file: .*/none.pbtxt\n(.|\n)*HistorySchema"):
        with_given_schema(DERIVED, str(tmp_path / "none.pbtxt"))
