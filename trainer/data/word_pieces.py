"""Word pieces: the tokens of BERT and its relatives."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

_UNKNOWN, _START, _END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100  # characters; a longer word is unknown, as in BERT's own code
# Unified ideographs: the blocks of BERT's own code, first and last code point.
_IDEOGRAPHS = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)


class WordPieces:
    """The tokenizer of an uncased BERT (Devlin et al. 2019): words, and in each word the longest known pieces.

    Letters become lower-case and lose their accents. Punctuation and ideographs are words of their own.

    Args:
        vocabulary: the pieces in the order of their ids, from 0. A piece that does not start a word has `##` before it.

    Raises:
        KeyError: a piece for the start, the end or an unknown word is missing.

    Example:
        >>> WordPieces(["[UNK]", "[CLS]", "[SEP]", "rain", "##bow", "!"]).ids("Rainbow? Rain!", 10)
        [1, 3, 4, 0, 3, 5, 2]
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._vocabulary = {piece: index for index, piece in enumerate(vocabulary)}
        self._unknown, self._start, self._end = (self._vocabulary[piece] for piece in (_UNKNOWN, _START, _END))

    def ids(self, text: str, max_tokens: int) -> list[int]:
        """Return the ids of a text's pieces, between those that mark its start and end.

        Args:
            text: the text. Only a prefix of it is read, 100 characters a token.
            max_tokens: the greatest number of ids.
        """
        ids = [self._start]
        for word in _words(text[: _LONGEST_WORD * max_tokens]):
            ids += self._pieces(word)
            if len(ids) >= max_tokens:
                break
        return [*ids[: max_tokens - 1], self._end]

    def _pieces(self, word: str) -> list[int]:
        unknown = [self._unknown]
        if len(word) > _LONGEST_WORD:
            return unknown
        ids, start = list[int](), 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._vocabulary), None)
            if end is None:
                return unknown
            ids.append(self._vocabulary[prefix + word[start:end]])
            start = end
        return ids


def _words(text: str) -> Iterator[str]:
    word = list[str]()
    for character in unicodedata.normalize("NFD", _clean(text).lower()) + " ":
        if unicodedata.category(character) == "Mn":
            continue
        separate = _is_punctuation(character) or _is_ideograph(character)
        if not separate and not character.isspace():
            word.append(character)
            continue
        if word:
            yield "".join(word)
            word.clear()
        if separate:
            yield character


def _clean(text: str) -> str:
    """Remove control and format characters, except for those that are white space."""
    return "".join(c for c in text if c in "\t\n\r" or (unicodedata.category(c)[0] != "C" and c != "\ufffd"))


def _is_punctuation(character: str) -> bool:
    # All ASCII signs are punctuation here, also those that Unicode calls symbols: $, +, <, ^.
    is_ascii_sign = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    return is_ascii_sign or unicodedata.category(character)[0] == "P"


def _is_ideograph(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _IDEOGRAPHS)
