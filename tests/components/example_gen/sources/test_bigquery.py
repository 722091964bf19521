"""BigQuery as far as it can be tried without Google: the checks, the query of Beam's connector, and its rows."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.io.gcp.bigquery import ReadFromBigQuery
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.pipeline import PipelineVisitor
from pydantic import ValidationError

from components.example_gen.interactions.timelines import build_timelines
from components.example_gen.listing import describe_files, log_locations
from components.example_gen.preflight import check_log
from components.example_gen.read_interactions import ReadInteractions
from components.example_gen.replay import read_letters
from components.example_gen.sources.bigquery_source import table_rows
from components.example_gen.sources.bigquery_tables import log_query, query_project
from components.example_gen.validation.dead_letters import to_letter
from components.example_gen.validation.rows import validate
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.interaction import FILE, LINE, interaction_schema
from tests.bigquery import TABLE, Warehouse, bigquery_server
from tests.components.logs import START_S

PATH = f"bigquery://{TABLE}"
MOMENT = datetime.datetime.fromtimestamp(START_S, datetime.timezone.utc)


def log(path: str = PATH, **columns: Any) -> DataConfig:
    return DataConfig.model_validate(
        {
            "path": path,
            "format": "bigquery",
            "columns": {"user": "user", "item": "item", "timestamp": "time", **columns},
            "timestamp": {"unit": "s"},
        }
    )


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with bigquery_server(tmp_path) as found:
        yield found


def test_check_log_lets_bigquery_check_the_query(warehouse: Warehouse) -> None:
    sample = check_log(log(user="visitor.id"))

    assert (sample.files, sample.rows, sample.whole) == ((PATH,), 0, False)
    assert warehouse.queries == ["SELECT `visitor`.`id` AS c0, `item` AS c1, `time` AS c2 FROM `shop.events.clicks`"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (log(user="usr"), "did you mean 'user'"),
        (log(user="tags"), "the type repeated STRING"),
        (log("bigquery://shop.events.none"), "Not found: Table shop.events.none"),
    ],
)
def test_check_log_of_a_wrong_table_or_column_says_what_to_change(
    warehouse: Warehouse, settings: DataConfig, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_log(settings)


def test_check_log_without_permission_names_the_roles(warehouse: Warehouse) -> None:
    warehouse.forbidden = True

    with pytest.raises(InputError, match="BigQuery Job User"):
        check_log(log())


def test_check_log_without_credentials_says_where_to_get_them(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))

    with pytest.raises(InputError, match="gcloud auth application-default login"):
        check_log(log())


def test_change_of_the_table_changes_the_description_of_the_log(warehouse: Warehouse) -> None:
    def description() -> str:
        return describe_files(log_locations(log()))

    first, again = description(), description()
    warehouse.modified_ms += 1
    touched = description()
    warehouse.bytes += 1

    assert first == again
    assert len({first, touched, description()}) == 3
    assert first.startswith("1 files, 1000 bytes")


def test_query_escapes_names() -> None:
    assert log_query(PATH, ["a`b\\"]) == "SELECT `a\\`b\\\\` AS c0 FROM `shop.events.clicks`"


def test_query_runs_in_the_project_of_the_table_or_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    assert query_project(PATH) == "shop"
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    assert query_project(PATH) == "mine"


def test_pipeline_reads_the_query_by_beams_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    found: list[Any] = []

    class Visitor(PipelineVisitor):
        def enter_composite_transform(self, transform_node: Any) -> None:
            if isinstance(transform_node.transform, beam.io.Read):
                found.append(transform_node.transform.source)

    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    rows = pipeline | ReadInteractions(log())
    pipeline.visit(Visitor())

    (source,) = found
    assert source.query.get() == log_query(PATH, ["user", "item", "time"])
    assert source.method == ReadFromBigQuery.Method.DIRECT_READ
    assert source.use_native_datetime
    assert not source.use_legacy_sql
    assert pipeline.options.view_as(GoogleCloudOptions).project == "shop"  # or the temporary data set would remain
    assert rows.accepted is not None


def test_rows_have_the_texts_of_other_typed_formats() -> None:
    values: list[Any] = [7, 0.1, Decimal("7.000000000"), True, b"x", MOMENT.date(), None]
    for value, text in zip(values, ["7", "0.1", "7.000000000", "true", "x", "1599955200", ""], strict=True):
        batch = table_rows([{"c0": "u", "c1": value, "c2": MOMENT}], log())

        (row,) = batch.to_pylist()
        assert (row["user"], row["item"], row["time"]) == ("u", text, str(START_S))
        assert (row[FILE], row[LINE]) == (PATH, 0)
        assert json.loads(row["__raw__"]) == {"user": "u", "item": text, "time": str(START_S)}


def test_rejected_rows_are_read_again_as_the_query_gave_them(tmp_path: Path) -> None:
    settings = log(value="price")
    rows: list[dict[str, Any]] = [
        {"c0": "u", "c1": "7", "c2": MOMENT, "c3": "cheap"},
        {"c0": None, "c1": 'é "8"', "c2": MOMENT, "c3": None},
        {"c0": "u\0", "c1": "9", "c2": MOMENT, "c3": None},
    ]
    batch = table_rows(rows, settings)
    rejected = validate(batch, settings)[1].to_pylist()
    (tmp_path / "letters.jsonl").write_bytes(b"".join(map(to_letter, rejected)))

    (found,) = read_letters(str(tmp_path / "letters.jsonl"), settings)

    assert [row["reason"] for row in rejected] == ["bad_number", "no_user", "malformed"]
    assert found.to_pylist() == batch.to_pylist()


@pytest.mark.parametrize("value", [["a"], {"a": 1}, datetime.time(1)])
def test_value_without_a_text_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="of text, numbers or times"):
        table_rows([{"c0": "u", "c1": value, "c2": MOMENT}], log())


def test_interactions_at_the_same_time_do_not_depend_on_the_order_of_rows() -> None:
    settings = log(event="event", value="price")
    rows = [
        {"c0": f"u{i % 2}", "c1": f"i{i % 3}", "c2": MOMENT, "c3": f"e{i % 4}", "c4": None if i % 5 == 0 else i / 2}
        for i in range(60)
    ]
    schema = interaction_schema(list(settings.features))

    def timelines(order: list[int]) -> list[Any]:
        shuffled = [rows[index] for index in order]
        batches = [validate(table_rows(part, settings), settings)[0] for part in (shuffled[:7], shuffled[7:])]
        found = build_timelines(batches, schema)
        further = [[str(value) for value in column.to_pylist()] for column in found.further.values()]
        return [found.items.tolist(), further]

    expected = timelines(list(range(60)))
    for seed in range(5):
        assert timelines(random.Random(seed).sample(range(60), 60)) == expected


@pytest.mark.parametrize(
    "settings",
    [{"path": PATH}, {"path": "log.csv", "format": "bigquery"}, {"path": "bigquery://a.b", "format": "bigquery"}],
)
def test_path_and_format_belong_together(settings: dict[str, str]) -> None:
    columns = {"user": "user", "item": "item", "timestamp": "time"}
    with pytest.raises(ValidationError, match="bigquery://project"):
        DataConfig.model_validate({"columns": columns, "timestamp": {"unit": "s"}, **settings})
