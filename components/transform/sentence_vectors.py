"""Beam: the sentence vectors of keyed texts, with one encoder a worker process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from apache_beam.utils.shared import Shared

from components.transform.sentence_encoder import SentenceEncoder

_TEXTS_AT_ONCE = 256

Key = TypeVar("Key")
Vector = npt.NDArray[np.float32]


class SentenceVectors(beam.PTransform):
    """From (key, text) to (key, vector, float32 [dim]).

    Args:
        folder: the files of the encoder; every worker must be able to read them.

    Example:
        >>> with beam.Pipeline() as pipeline:  # doctest: +SKIP
        ...     titles = pipeline | beam.Create([("item 1", "A title")])
        ...     vectors = titles | SentenceVectors(find_package(MINILM))
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, texts: beam.PCollection) -> beam.PCollection:
        """Batch the texts and encode them.

        Args:
            texts: pairs of a key and a text.

        Returns:
            Pairs of a key and a vector.
        """
        return (
            texts
            | "Batch" >> beam.BatchElements(min_batch_size=_TEXTS_AT_ONCE, max_batch_size=_TEXTS_AT_ONCE)
            | "Encode" >> beam.ParDo(_Encode(self._folder, Shared()))
        )


class _Encode(beam.DoFn):
    """Loads the encoder once a process, because a runner makes a DoFn for each thread."""

    def __init__(self, folder: Path, shared: Shared) -> None:
        self._folder = folder
        self._shared = shared

    def setup(self) -> None:
        self._encoder: SentenceEncoder = self._shared.acquire(lambda: SentenceEncoder(self._folder))

    def process(self, batch: Sequence[tuple[Key, str]]) -> Iterator[tuple[Key, Vector]]:
        keys, texts = zip(*batch, strict=True)
        yield from zip(keys, self._encoder.encode(texts), strict=True)
