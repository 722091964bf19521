"""The content of items as arrays that are aligned with the ids of a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config.text import TextConfig
from trainer.data.item_content import ItemContent, read_items
from trainer.data.piece_encoding import PieceEncoding, read_pieces
from trainer.data.tokens import TextEncoding, Tokens, fit_texts

TEXTS = "Texts"  # the source of all texts in an item tower; the name of a column begins with a small letter
BUCKETS = 32  # of a number, with a similar number of items in each

Rows = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ItemEncoding:
    """The encoding of content, fitted to the items of a vocabulary. It also encodes items that come later.

    Args:
        categories: by column, the categories in the order of their codes, from 1.
        boundaries: by column of numbers, float64 [buckets], the lower boundary of each bucket, which contains it. The
            first one is the lowest float64. Without any number there is no bucket.
        scales: by column of vectors, float32 [length] and a number: the centre that is subtracted, and the divisor.
        text: the vocabulary of the texts, or the word pieces of their encoder; None if no text is read.
    """

    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    boundaries: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    scales: Mapping[str, tuple[Vectors, float]] = field(default_factory=dict)
    text: TextEncoding | PieceEncoding | None = None

    def encode(self, items: ItemContent, rows: Rows) -> ItemFeatures:
        """Return the content of some rows of a table of items.

        Args:
            items: the table, with the columns of the encoding.
            rows: the row of each item, -1 for an item without content.

        Returns:
            The content in the order of `rows`. A category that the encoding lacks is left out.
        """
        codes = {name: _category_codes(items.categories[name], rows, of) for name, of in self.categories.items()}
        codes |= {name: _buckets(items.numbers[name], rows, of) for name, of in self.boundaries.items()}
        vectors = {name: _scaled(items.vectors[name], rows, *of) for name, of in self.scales.items()}
        tokens = self.text.encode(items.texts, rows) if self.text else None
        return ItemFeatures(codes, vectors, tokens, self)

    def unknown(self, items: ItemContent, rows: Rows) -> dict[str, int]:
        """Count the categories of some rows that the encoding lacks, by column; only columns with any.

        Args:
            items: the table.
            rows: rows of the table.
        """
        known = {name: set(categories) for name, categories in self.categories.items()}
        counts = {
            name: sum(category not in known[name] for row in rows.tolist() for category in items.categories[name][row])
            for name in known
        }
        return {name: count for name, count in counts.items() if count}

    def to_json(self) -> dict[str, Any]:
        """Return the encoding as JSON can hold it, without loss."""
        return {
            "categories": {name: list(categories) for name, categories in self.categories.items()},
            "boundaries": {name: boundaries.tolist() for name, boundaries in self.boundaries.items()},
            "scales": {name: [centre.tolist(), norm] for name, (centre, norm) in self.scales.items()},
            "text": asdict(self.text) if self.text else None,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> ItemEncoding:
        """Return the encoding from what `to_json` returned."""
        return ItemEncoding(
            content["categories"],
            {name: np.array(boundaries, np.float64) for name, boundaries in content["boundaries"].items()},
            {name: (np.array(centre, np.float32), norm) for name, (centre, norm) in content["scales"].items()},
            _text_from_json(content["text"]) if content["text"] else None,
        )


class Labels(NamedTuple):
    """The categories of items, as targets of a task.

    Args:
        names: the categories, in the order of their codes.
        codes: int64 [1 + items, n], from 1, padded on the right with 0; row 0 is padding.
    """

    names: Sequence[str]
    codes: Codes


@dataclass(frozen=True, eq=False)
class ItemFeatures:
    """The content of items by id. Row i belongs to id i, and row 0 to padding.

    Args:
        codes: by name, int64 [1 + items, n], the ids of an item's categories, or the bucket of its number; padded on
            the right with 0.
        vectors: by name, float32 [1 + items, length], with a mean of 0 and a mean square norm of 1; rows of NaN if
            missing.
        tokens: int32 [1 + items, texts, length], the token ids of the texts, padded on the right with 0; None if no
            text is read.
        encoding: the encoding of the columns of a table of items.
        labels: by column, the categories that a task predicts.
        published_s: int64 [1 + items], the times of publication in seconds since 1970, 0 if missing.
    """

    codes: Mapping[str, Codes] = field(default_factory=dict)
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    tokens: Tokens | None = None
    encoding: ItemEncoding = field(default_factory=ItemEncoding)
    labels: Mapping[str, Labels] = field(default_factory=dict)
    published_s: Codes = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def by_source(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by the name of their source in an item tower."""
        texts = {} if self.tokens is None else {TEXTS: self.tokens}
        return {**self.codes, **self.vectors, **texts}

    @staticmethod
    def from_sources(by_source: Mapping[str, npt.NDArray[Any]], encoding: ItemEncoding) -> ItemFeatures:
        """Return the content from what `by_source` returned.

        Args:
            by_source: the arrays by the name of their source.
            encoding: the encoding of their columns.
        """
        vectors = {name: by_source[name] for name in encoding.scales}
        codes = {name: by_source[name] for name in (*encoding.categories, *encoding.boundaries)}
        return ItemFeatures(codes, vectors, by_source.get(TEXTS), encoding)


def read_item_features(
    folder: str, names: Sequence[str], text: TextConfig, vocabulary_file: str, labels: Sequence[str] = ()
) -> ItemFeatures:
    """Read some columns of a table of items for the items of a vocabulary.

    Args:
        folder: the artifact of the component ItemTable.
        names: columns of categories, numbers and vectors.
        text: the texts to read, and the limits of their vocabulary.
        vocabulary_file: the vocabulary, one item per line.
        labels: columns of categories that a task predicts.

    Returns:
        The content of the items.
    """
    with tf.io.gfile.GFile(vocabulary_file) as file:
        vocabulary = [line.rstrip("\n") for line in file]
    return align_items(read_items(folder), names, vocabulary, text, labels)


def align_items(
    items: ItemContent,
    names: Sequence[str],
    vocabulary: Sequence[str],
    text: TextConfig = TextConfig(),  # noqa: B008 - it never changes
    labels: Sequence[str] = (),
) -> ItemFeatures:
    """Align some columns of a table of items with a vocabulary.

    Categories, buckets, means and tokens come from the items of the vocabulary, each counted once. So nothing depends
    on items that the log lacks.

    Args:
        items: the table.
        names: columns of categories, numbers and vectors.
        vocabulary: the items, in the order of their ids.
        text: the texts to read, and the limits of their vocabulary.
        labels: columns of categories that a task predicts.

    Returns:
        The content of the items. An item that the table lacks has none.

    Example:
        >>> ids, genres = np.array(["a", "b"], dtype=object), [["war"], ["drama", "war"]]
        >>> items = ItemContent(ids, {}, {"genres": genres}, {}, None, {})
        >>> align_items(items, ["genres"], ["b", "new"]).codes["genres"].tolist()
        [[0, 0], [1, 2], [0, 0]]
    """
    row_of = {item: row for row, item in enumerate(items.ids)}
    rows = np.array([-1, *(row_of.get(item, -1) for item in vocabulary)], np.int64)
    in_table = rows[rows >= 0]
    found = _fit(items, names, in_table, text).encode(items, rows)
    return replace(
        found,
        labels={name: _labels(items.categories[name], rows, in_table) for name in labels},
        published_s=items.published_of(rows),
    )


def _fit(items: ItemContent, names: Sequence[str], rows: Rows, text: TextConfig) -> ItemEncoding:
    """Return the encoding of some columns for the items of some rows."""
    categories: dict[str, Sequence[str]] = {}
    boundaries: dict[str, npt.NDArray[np.float64]] = {}
    scales: dict[str, tuple[Vectors, float]] = {}
    for name in names:
        if name in items.categories:
            categories[name] = _distinct(items.categories[name], rows)
        elif name in items.numbers:
            boundaries[name] = _boundaries(items.numbers[name][rows])
        else:
            scales[name] = _scale(items.vectors[name][rows])
    return ItemEncoding(categories, boundaries, scales, _fit_texts(items, rows, text) if text.columns else None)


def _fit_texts(items: ItemContent, rows: Rows, text: TextConfig) -> TextEncoding | PieceEncoding:
    return read_pieces(text) if text.kind == "adapted_encoder" else fit_texts(items.texts, rows, text)


def _text_from_json(content: Mapping[str, Any]) -> TextEncoding | PieceEncoding:
    return PieceEncoding.from_json(content) if "pieces" in content else TextEncoding.from_json(content)


def _labels(categories: Sequence[Sequence[str]], rows: Rows, in_table: Rows) -> Labels:
    names = _distinct(categories, in_table)
    return Labels(names, _category_codes(categories, rows, names))


def _distinct(categories: Sequence[Sequence[str]], rows: Rows) -> Sequence[str]:
    return sorted({category for row in rows.tolist() for category in categories[row]})


def _category_codes(categories: Sequence[Sequence[str]], rows: Rows, known: Sequence[str]) -> Codes:
    code_of = {name: 1 + i for i, name in enumerate(known)}
    of_rows = [
        [code_of[name] for name in categories[row] if name in code_of] if row >= 0 else [] for row in rows.tolist()
    ]
    codes = np.zeros([len(rows), max([1, *map(len, of_rows)])], np.int64)
    for row, found in enumerate(of_rows):
        codes[row, : len(found)] = found
    return codes


def _boundaries(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return np.zeros(0)
    quantiles = np.unique(np.quantile(known, np.arange(1, BUCKETS) / BUCKETS, method="higher"))
    # Each bucket has one of these numbers, so that its vector is trained. A later item may have a lower number.
    return np.append(np.finfo(np.float64).min, quantiles[quantiles > known.min()])


def _buckets(numbers: npt.NDArray[np.float64], rows: Rows, boundaries: npt.NDArray[np.float64]) -> Codes:
    """Return the bucket of each row's number, from 1; 0 if it is missing."""
    aligned = np.full(len(rows), np.nan)
    aligned[rows >= 0] = numbers[rows[rows >= 0]]
    return np.where(np.isnan(aligned), 0, np.searchsorted(boundaries, aligned, side="right"))[:, np.newaxis]


def _scale(vectors: Vectors) -> tuple[Vectors, float]:
    """Return the mean of the vectors, and their root mean square distance from it.

    Centred and scaled, projections of any vectors suit one learning rate.
    """
    known = vectors[~np.isnan(vectors[:, 0])]
    if not len(known):
        return np.zeros(vectors.shape[1], np.float32), 1.0
    centre = known.mean(axis=0, dtype=np.float64).astype(np.float32)
    return centre, float(np.linalg.norm(known - centre) / np.sqrt(len(known))) or 1.0


def _scaled(vectors: Vectors, rows: Rows, centre: Vectors, norm: float) -> Vectors:
    """Return the centred and scaled vector of each row, NaN if it is missing."""
    aligned = np.full([len(rows), vectors.shape[1]], np.nan, np.float32)
    aligned[rows >= 0] = (vectors[rows[rows >= 0]] - centre) / norm
    return aligned
