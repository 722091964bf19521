import random
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.testing.util import assert_that, equal_to

from components.example_gen import history_writer
from components.example_gen.histories import HistoryExample, to_example
from components.example_gen.history_writer import WriteHistories
from tests.components.logs import history, local_pipeline

HISTORIES = [
    history(split, f"u{user}", [f"i{second}" for second in range(length)], range(length), ["t"], length)
    for user in range(12)
    for split in ("train", "test")
    for length in (1, 2)
]


def write(directory: Path, found: list[HistoryExample]) -> dict[str, bytes]:
    """Write histories, and return the bytes of every file in the folder."""
    with local_pipeline() as pipeline:
        paths = pipeline | beam.Create(found) | WriteHistories(str(directory), f"{directory}/scratch")
        names = paths | beam.Map(lambda path: str(Path(path).relative_to(directory)))
        written = names | beam.combiners.ToList() | beam.Map(sorted)
        assert_that(written, equal_to([sorted(expected_names(found))]))
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def expected_names(found: list[HistoryExample]) -> list[str]:
    counts = {split: sum(each.split == split for each in found) for split in ("train", "eval", "test")}
    names = []
    for split, count in counts.items():
        files = max(1, -(-count // history_writer.EXAMPLES_PER_FILE))
        names += [f"Split-{split}/data_tfrecord-{i:05d}-of-{files:05d}.gz" for i in range(files)]
    return names


def read(directory: Path, pattern: str) -> list[bytes]:
    files = sorted(str(path) for path in directory.glob(pattern))
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def test_write_histories_puts_every_history_into_a_file_of_its_split(tmp_path: Path) -> None:
    write(tmp_path, HISTORIES)

    for split in ("train", "test"):
        expected = sorted(to_example(each) for each in HISTORIES if each.split == split)
        assert sorted(read(tmp_path, f"Split-{split}/data_tfrecord-*")) == expected


def test_write_histories_without_histories_writes_one_empty_file(tmp_path: Path) -> None:
    files = write(tmp_path, HISTORIES)

    assert "Split-eval/data_tfrecord-00000-of-00001.gz" in files
    assert read(tmp_path, "Split-eval/*") == []


def test_write_histories_keeps_users_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_writer, "EXAMPLES_PER_FILE", 10)

    write(tmp_path, HISTORIES)

    seen: set[bytes] = set()
    files = sorted(tmp_path.glob("Split-train/*"))
    assert len(files) == 3  # 24 examples, ten a file
    for file in files:
        features = [
            tf.train.Example.FromString(record).features.feature
            for record in read(tmp_path, f"Split-train/{file.name}")
        ]
        order = [(f["user_id"].bytes_list.value[0], f["target_timestamp_s"].int64_list.value[0]) for f in features]
        assert order == sorted(order)
        assert not seen & {user for user, _ in order}
        seen |= {user for user, _ in order}
    assert len(seen) == 12


@pytest.mark.parametrize("per_file", [10, 50_000])
def test_write_histories_in_any_order_gives_equal_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_file: int
) -> None:
    monkeypatch.setattr(history_writer, "EXAMPLES_PER_FILE", per_file)

    first = write(tmp_path / "1", HISTORIES)
    second = write(tmp_path / "2", random.Random(1).sample(HISTORIES, len(HISTORIES)))

    assert first == second
    assert sorted(first) == sorted(expected_names(HISTORIES))  # no unfinished file is left
