r"""Texts to token ids, with TensorFlow's own operations: the steps are a part of Transform's graph.

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

import tensorflow as tf
import tensorflow_transform as tft

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


def token_ids(texts: tf.Tensor, *, max_tokens: int, max_vocabulary: int, min_count: int, name: str) -> tf.RaggedTensor:
    """Return the ids of the tokens of texts, for Transform's preprocessing function.

    Ids follow the frequency of a token, and its text among equally frequent ones. So a smaller vocabulary is the
    beginning of a larger one, and neither the order nor the distribution of rows changes an id. Give each item once:
    then a frequency describes the catalogue, and no id depends on what users did.

    Args:
        texts: string [n].
        max_tokens: the number of tokens that are read of a text.
        max_vocabulary: the number of tokens in the vocabulary: the most frequent ones.
        min_count: how often a token of the vocabulary occurs at least.
        name: the name of the vocabulary's file.

    Returns:
        A ragged int64 tensor [n, (tokens)]: 1..v for the tokens of the vocabulary, and v + 1 for all others. 0 is left
        for padding.

    Example:
        >>> settings = {"max_tokens": 30, "max_vocabulary": 50_000, "min_count": 2, "name": "tokens"}
        >>> tft_beam.AnalyzeAndTransformDataset(
        ...     lambda inputs: {"ids": token_ids(inputs["title"], **settings)}
        ... )  # doctest: +SKIP
    """
    tokens = tokenize(texts, max_tokens)
    vocabulary = tft.vocabulary(
        tokens.flat_values,
        top_k=max_vocabulary,
        frequency_threshold=min_count if min_count > 1 else None,
        vocab_filename=name,
    )
    return tokens.with_flat_values(1 + tft.apply_vocabulary(tokens.flat_values, vocabulary, num_oov_buckets=1))
