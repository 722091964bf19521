"""Other ways from a log to examples, for comparison. Each runs in a process of its own.

python -m benchmarks.data.others NAME LOG OUTPUT
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import tensorflow as tf
from pyarrow import csv
from tfx.components.example_gen.csv_example_gen.executor import Executor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

COLUMNS = ("user", "item", "time")
MAX_LENGTH = 50


def pyarrow(log: Path, _: Path) -> None:
    """Parse the log with one thread, as bytes, and drop the columns."""
    convert = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.binary()))
    parse = csv.ParseOptions(quote_char=False, invalid_row_handler=lambda row: "skip")
    for path in sorted(log.iterdir()):
        with pa.CompressedInputStream(str(path), "gzip") as file:
            read = csv.ReadOptions(use_threads=False)
            with csv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert) as batches:
                for _batch in batches:
                    pass


def pandas(log: Path, output: Path) -> None:
    """Write leave-one-out examples with a script as one writes it for a log that fits into memory."""
    read = [
        pd.read_csv(path, dtype=str, on_bad_lines="skip", quoting=3, encoding_errors="replace", keep_default_na=False)
        for path in sorted(log.iterdir())
    ]
    rows = pd.concat(read)
    rows["time"] = pd.to_numeric(rows["time"], errors="coerce")
    bad = rows["user"].str.contains('"|\ufffd') | rows["item"].str.contains("\ufffd")
    rows = rows[~bad & (rows["user"] != "") & (rows["item"] != "") & (rows["time"] > 315_532_800)]
    rows = rows.sort_values(["user", "time"], kind="stable")
    with (
        tf.io.TFRecordWriter(str(output / "train.gz"), "GZIP") as train,
        tf.io.TFRecordWriter(str(output / "eval.gz"), "GZIP") as validation,
        tf.io.TFRecordWriter(str(output / "test.gz"), "GZIP") as test,
    ):
        for user, group in rows.groupby("user", sort=False):
            items, times = group["item"].tolist(), group["time"].astype(int).tolist()
            for writer, target in ((test, len(items) - 1), (validation, len(items) - 2)):
                if target > 0:
                    writer.write(_example(user, items, times, max(target - MAX_LENGTH, 0), target))
            target = len(items) - 3
            while target > 0:
                start = max(target - MAX_LENGTH, 0)
                train.write(_example(user, items, times, start, target))
                target = start


def _example(user: str, items: list[str], times: list[int], start: int, target: int) -> bytes:
    def texts(values: list[str]) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))

    def numbers(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    feature = {
        "user_id": texts([user]),
        "item_ids": texts(items[start:target]),
        "timestamps_s": numbers(times[start:target]),
        "target_id": texts([items[target]]),
        "target_timestamp_s": numbers([times[target]]),
        "exclude_ids": texts(sorted(set(items[:start]) - set(items[start:target]))),
    }
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def csv_example_gen(log: Path, output: Path) -> None:
    """Run TFX's CsvExampleGen, which copies each row to an example."""
    examples = standard_artifacts.Examples()
    examples.uri = str(output)
    inputs = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*")])
    split = example_gen_pb2.SplitConfig.Split(name="train", hash_buckets=1)
    outputs = example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=[split]))
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(output / "tmp"), unique_id="1"
    )
    Executor(context).Do(
        {},
        {"examples": [examples]},
        {
            "input_base": str(log),
            "input_config": proto_utils.proto_to_json(inputs),
            "output_config": proto_utils.proto_to_json(outputs),
            "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
            "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP,
        },
    )


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "pyarrow": pyarrow,
    "pandas": pandas,
    "CsvExampleGen": csv_example_gen,
}


def main(name: str, log: str, output: str) -> None:
    """Run one way, and print time and memory."""
    started = time.perf_counter()
    WAYS[name](Path(log), Path(output))
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps({"seconds": round(seconds, 2), "peak_mb": peak_mb}), flush=True)
    os._exit(0)  # a thread of pyarrow that outlives its reader would abort the process


if __name__ == "__main__":
    main(*sys.argv[1:])
