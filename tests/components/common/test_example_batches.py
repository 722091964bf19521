from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to

from components.common.example_batches import (
    EXAMPLES_PER_BATCH,
    ExampleColumns,
    FindFiles,
    join_sequences,
    list_files,
    parse_examples,
    read_example_batches,
    split_pattern,
)
from schemas.config.log import Feature
from tests.components.examples import example, write_splits
from tests.components.logs import local_pipeline

GENRE = Feature(name="genre", column="g", kind="category", of="item", separator=None)
YEAR = Feature(name="year", column="y", kind="number", of="item", separator=None)


def item_ids(columns: ExampleColumns) -> list[str]:
    return [columns.ids[item].decode() for item in columns.items]


def test_parse_examples_puts_the_target_after_the_history() -> None:
    further: dict[str, list[Any]] = {"genre": ["drama", "", "crime"], "year": [1990.5, float("nan"), 2001.0]}
    batch = [
        example(["a", "ü", "c"], [5, 6, 7], user="v", exclude=["x", "y"], further=further),
        example(["a", "b"], [8, 8], further={"genre": ["drama", "war"], "year": [1990.5, 1914.0]}),
    ]

    columns = parse_examples(batch, [GENRE, YEAR])

    assert columns.user_ids.tolist() == [b"v", b"u"]
    assert columns.starts.tolist() == [0, 3, 5]
    assert item_ids(columns) == ["a", "ü", "c", "a", "b"]
    assert sorted(columns.ids.tolist()) == [item.encode() for item in ("a", "b", "c", "ü")]
    assert columns.timestamps_s.tolist() == [5, 6, 7, 8, 8]
    assert columns.other_ids.tolist() == [b"x", b"y", b"c", b"b"]  # excluded items, and all targets
    genres, years = columns.further
    assert genres.tolist() == [b"drama", b"", b"crime", b"drama", b"war"]
    np.testing.assert_array_equal(years, np.array([1990.5, np.nan, 2001, 1990.5, 1914], np.float32))


def test_joined_sequences_are_those_of_all_batches() -> None:
    """The items a and c are in both batches."""
    examples = [example("abc", [1, 2, 3], user="v"), example("ca", [4, 5], user="w"), example("db", [6, 7], user="v")]

    columns = join_sequences([parse_examples(examples[:1]), parse_examples(examples[1:])])

    assert columns.user_ids.tolist() == [b"v", b"w", b"v"]
    assert columns.starts.tolist() == [0, 3, 5, 7]
    assert item_ids(columns) == list("abccadb")
    assert columns.timestamps_s.tolist() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("name", ["examples", "shop [2024]*"])
def test_every_example_of_every_file_is_read_once(tmp_path: Path, name: str) -> None:
    examples = [example(["a", "b"], user=str(number)) for number in range(EXAMPLES_PER_BATCH + 2)]
    folder = write_splits(tmp_path / name, {"train": [examples[:-1], examples[-1:]], "test": [[example(["c", "d"])]]})
    pattern = split_pattern(folder, "train")

    assert [len(batch) for batch in read_example_batches(list_files(pattern))] == [EXAMPLES_PER_BATCH, 2]
    assert [each for batch in read_example_batches(list_files(pattern)) for each in batch] == examples
    with local_pipeline() as pipeline:
        files = pipeline | FindFiles(folder, ["train", "test"])
        read = files | beam.FlatMapTuple(lambda split, file: [(split, *read_example_batches([file]))])
        assert_that(
            read,
            equal_to(
                [
                    ("train", examples[:EXAMPLES_PER_BATCH], examples[EXAMPLES_PER_BATCH:-1]),
                    ("train", examples[-1:]),
                    ("test", [example(["c", "d"])]),
                ]
            ),
        )
