"""Examples as training reads them: those of ExampleGen, transformed while they are read.

ExampleGen's files are equal byte by byte on every Beam runner. The order and the bytes of the examples that Transform
writes are not, so nothing is trained on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.errors import InputError
from schemas.features import boundaries_key
from schemas.file_patterns import escape_folder

Features = dict[str, "tf.Tensor | tf.RaggedTensor"]
Transform = Callable[[tf.Tensor], Features]

_AT_ONCE = 256  # examples that are transformed together


def read_examples(files: Sequence[str], transform: Transform) -> tf.data.Dataset:
    """Return the transformed examples of files, in the order of the files' names.

    Args:
        files: TFRecord.gz files of examples, or patterns of them.
        transform: returns the transformed features of serialized examples, string [n]. A feature has n rows.

    Returns:
        A dataset of single examples, with a tensor for each feature.

    Raises:
        InputError: no file matches.
    """
    return _records(files).batch(_AT_ONCE).map(transform).unbatch()


def read_boundaries(
    files: Sequence[str], transform: Transform, names: Sequence[str]
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return the boundaries of the buckets of numbers, which are equal in all examples.

    Args:
        files: TFRecord.gz files of examples, or patterns of them.
        transform: as for `read_examples`.
        names: the numbers.

    Returns:
        By name, float32 [boundaries], ascending.

    Raises:
        InputError: no file matches, or there is no example.
    """
    for record in _records(files).take(1):
        features = transform(record[tf.newaxis])
        return {name: features[boundaries_key(name)][0].numpy() for name in names}
    raise InputError(
        expected="at least one example",
        received=f"none in {', '.join(files)}",
        remedy="check that the split has examples",
    )


def _records(files: Sequence[str]) -> tf.data.Dataset:
    names = sorted(tf.io.gfile.glob([escape_folder(pattern) for pattern in files]))
    if not names:
        raise InputError(
            expected="TFRecord files of examples",
            received=f"no file at {', '.join(files) or 'an empty list of paths'}",
            remedy="check that the split has examples and that the paths are right",
        )
    return tf.data.TFRecordDataset(names, compression_type="GZIP")
