"""Texts of items as the word pieces of a sentence encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.config.text import TextConfig
from trainer.data.encoder_files import find_encoder, loading, read_settings
from trainer.data.tokens import Rows, Texts, Tokens
from trainer.data.word_pieces import WordPieces


@dataclass(frozen=True)
class PieceEncoding:
    """The word pieces of a sentence encoder, and how many are read.

    Args:
        columns: the names of the texts that are read, joined by a space.
        pieces: the word pieces, in the order of their ids, from 0, which is padding.
        max_pieces: the number of ids that are read of an item.
    """

    columns: tuple[str, ...]
    pieces: tuple[str, ...]
    max_pieces: int

    def encode(self, texts: Mapping[str, Texts], rows: Rows) -> Tokens:
        """Return the word pieces of some rows of a table.

        Args:
            texts: by column, str [items].
            rows: the row of each item, -1 for an item without texts.

        Returns:
            int32 [rows, 1, length], padded on the right with 0. The length is that of the longest text, and 1 or more.
            A text without a word has no piece.

        Example:
            >>> titles = np.array(["Fox", ""], dtype=object)
            >>> encoding = PieceEncoding(("title",), ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "fox"), 30)
            >>> encoding.encode({"title": titles}, np.array([0, 1, -1])).tolist()
            [[[2, 4, 3]], [[0, 0, 0]], [[0, 0, 0]]]
        """
        word_pieces = WordPieces(self.pieces)
        found = [word_pieces.ids(self._text(texts, row), self.max_pieces) if row >= 0 else [] for row in rows.tolist()]
        ids = np.zeros([len(rows), 1, max([1, *map(len, found)])], np.int32)
        for row, of_row in enumerate(found):
            if len(of_row) > 2:  # a word between the marks of start and end
                ids[row, 0, : len(of_row)] = of_row
        return ids

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> PieceEncoding:
        """Return the encoding from its fields as JSON holds them."""
        return PieceEncoding(tuple(content["columns"]), tuple(content["pieces"]), content["max_pieces"])

    def _text(self, texts: Mapping[str, Texts], row: int) -> str:
        return " ".join(text for column in self.columns if (text := texts[column][row]))


def read_pieces(config: TextConfig) -> PieceEncoding:
    """Return the encoding of texts for a sentence encoder.

    Args:
        config: the encoder, the columns, and the greatest number of ids.

    Raises:
        InputError: the encoder is not there, or damaged.
    """
    folder = find_encoder(config.encoder)
    settings = read_settings(folder)
    with loading(folder):
        WordPieces(settings.pieces)
    return PieceEncoding(config.columns, settings.pieces, min(config.max_tokens, settings.max_tokens))
