from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from absl import flags
from apache_beam.testing.util import assert_that, equal_to
from tfx_bsl.public.tfxio import TFExampleRecord

from pipeline.runners.large_batches import read_large_batches
from tests.components.examples import example
from tests.components.logs import local_pipeline


@pytest.fixture(autouse=True)
def restored_flag() -> Iterator[None]:
    before = flags.FLAGS["tfxio_use_byte_size_batching"].default
    yield
    flags.FLAGS.set_default("tfxio_use_byte_size_batching", before)


def test_tfx_reads_all_examples_of_a_small_file_in_one_batch(tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "data.gz"), "GZIP") as writer:
        for _ in range(3_000):
            writer.write(example("ab"))
    read_large_batches()
    source = TFExampleRecord(str(tmp_path / "data.gz"), telemetry_descriptors=["test"]).BeamSource()
    with local_pipeline() as pipeline:
        assert_that(pipeline | source | beam.Map(lambda batch: batch.num_rows), equal_to([3_000]))
