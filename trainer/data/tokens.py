r"""Texts of items to token ids, with TensorFlow's own operations for the tokens.

The rules, in this order:

1. Only a prefix of a text is read: 64 bytes a token, and at least 4,096 bytes. Control characters separate words, and
   so do bytes that are not UTF-8.
2. Comments, scripts, styles, tags and entities of HTML separate words. `a < b` has no tag.
3. Letters become lower-case.
4. Format characters and variation selectors are removed, except for the zero-width space, which separates words.
5. A word is a run of letters, numbers and their marks. Every other character separates words, except for symbols.
6. A symbol (`\p{So}`: emoji, ™, ☀) is a token. A sequence of emoji, for example a flag, is several tokens.
7. A character of a script without spaces between words is a token, with its marks. These scripts are Han, Hiragana,
   Katakana, Thai, Lao, Khmer and Myanmar.

There is no normalization: `é` as one character and `é` as a letter with a mark are different tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.config.text import TextConfig

Rows = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Tokens = npt.NDArray[np.int32]

_TEXTS_AT_ONCE = 65_536
_BYTES_PER_TOKEN = 64
_LEAST_BYTES = 4_096

_MARKS = r"\p{Mn}\p{Mc}"
_NO_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_KANA_SIGNS = r"\x{30FC}\x{FF70}\x{FF9E}\x{FF9F}"  # they lengthen or voice a Katakana, and belong to no script
_REPLACEMENT = r"\x{FFFD}"  # a symbol that other programs write for invalid bytes

_HTML = (
    (r"(?is)<!--.*?-->|<script\b.*?</script\s*>|<style\b.*?</style\s*>", " "),
    (r"<[a-zA-Z/!?][^<>]*>", " "),
    (r"&(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});", " "),
)
_WORDS = (
    (rf"[\x{{200B}}{_REPLACEMENT}]", " "),
    (r"[\p{Cf}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]", ""),
    (rf"[^\p{{L}}\p{{N}}{_MARKS}\p{{So}}]", " "),
    (rf"([{_NO_SPACES}{_KANA_SIGNS}\p{{So}}][{_MARKS}]*)", r" \1 "),
    (rf"(^| )[{_MARKS}]+", " "),  # marks without a letter
)


def tokenize(texts: tf.Tensor, max_tokens: int) -> tf.RaggedTensor:
    r"""Split texts of any language into tokens.

    Args:
        texts: string [n], UTF-8 with or without HTML.
        max_tokens: the number of tokens that are kept of a text: the first ones.

    Returns:
        A ragged string tensor [n, (tokens)], at most `max_tokens` in a row. No token is empty or has a space.

    Example:
        >>> texts = tf.constant(["<b>Émile</b> &amp; Zoé, 2nd ed.", "東京タワー 2020 🎄", ""])
        >>> [[token.decode() for token in row] for row in tokenize(texts, 5).to_list()]
        [['émile', 'zoé', '2nd', 'ed'], ['東', '京', 'タ', 'ワ', 'ー'], []]
    """
    texts = tf.strings.substr(texts, 0, max(_LEAST_BYTES, _BYTES_PER_TOKEN * max_tokens))
    # The operation for lower case ends at a NUL.
    texts = tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", replacement_char=ord(" "), replace_control_characters=True
    )
    for pattern, replacement in _HTML:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    texts = tf.strings.lower(texts, encoding="utf-8")
    for pattern, replacement in _WORDS:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return tf.strings.split(texts)[:, :max_tokens]


@dataclass(frozen=True)
class TextEncoding:
    """The vocabulary of the texts of items, and how many tokens are read.

    Args:
        columns: the names of the texts that are read.
        tokens: the vocabulary, in the order of the ids, from 1.
        max_tokens: the number of tokens that are read of a text.
    """

    columns: tuple[str, ...]
    tokens: tuple[str, ...]
    max_tokens: int

    def encode(self, texts: Mapping[str, Texts], rows: Rows) -> Tokens:
        """Return the token ids of some rows of a table.

        Args:
            texts: by column, str [items].
            rows: the row of each item, -1 for an item without texts.

        Returns:
            int32 [rows, columns, length], padded on the right with 0. The length is that of the longest text, and 1 or
            more. A token that is not in the vocabulary has the id after those of the vocabulary.

        Example:
            >>> titles = np.array(["Red fox", "Fox and hen"], dtype=object)
            >>> TextEncoding(("title",), ("fox", "red"), 30).encode({"title": titles}, np.array([1, -1, 0])).tolist()
            [[[1, 3, 3]], [[0, 0, 0]], [[2, 1, 0]]]
        """
        id_of = {token: 1 + index for index, token in enumerate(self.tokens)}
        unknown = 1 + len(self.tokens)
        found = [
            [[id_of.get(token, unknown) for token in text] for text in _token_lists(texts[column], rows, self)]
            for column in self.columns
        ]
        length = max([1, *(len(text) for column in found for text in column)])
        ids = np.zeros([len(rows), len(self.columns), length], np.int32)
        for field, column in enumerate(found):
            for row, text in enumerate(column):
                ids[row, field, : len(text)] = text
        return ids

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> TextEncoding:
        """Return the encoding from its fields as JSON holds them."""
        return TextEncoding(tuple(content["columns"]), tuple(content["tokens"]), content["max_tokens"])


def fit_texts(texts: Mapping[str, Texts], rows: Rows, config: TextConfig) -> TextEncoding:
    """Return the vocabulary of the texts of some rows of a table.

    Ids follow the frequency of a token, and its text among equally frequent ones. So a smaller vocabulary is the
    beginning of a larger one, and the order of the rows changes no id. Each item counts once, so that a frequency
    describes the catalogue, and not what users did.

    Args:
        texts: by column, str [items].
        rows: rows of the table.
        config: the columns and the limits of the vocabulary.

    Example:
        >>> titles = np.array(["Red fox", "A red hen", "Red"], dtype=object)
        >>> config = TextConfig(columns=("title",), min_count=1, max_vocabulary=2)
        >>> fit_texts({"title": titles}, np.array([0, 1, 2]), config).tokens
        ('red', 'hen')
    """
    empty = TextEncoding(config.columns, (), config.max_tokens)
    counts = Counter(
        token for column in config.columns for text in _token_lists(texts[column], rows, empty) for token in text
    )
    ordered = sorted((count, token.encode(), token) for token, count in counts.items() if count >= config.min_count)
    return TextEncoding(
        config.columns, tuple(token for *_, token in ordered[::-1][: config.max_vocabulary]), config.max_tokens
    )


def _token_lists(texts: Texts, rows: Rows, encoding: TextEncoding) -> Sequence[Sequence[str]]:
    found: list[list[str]] = []
    for start in range(0, len(rows), _TEXTS_AT_ONCE):
        part = ["" if row < 0 else texts[row] for row in rows[start : start + _TEXTS_AT_ONCE].tolist()]
        ragged = tokenize(tf.constant(part, tf.string), encoding.max_tokens)
        found += [[token.decode() for token in text] for text in ragged.to_list()]
    return found
