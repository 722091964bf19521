# ruff: noqa: RUF001 - letters that look like Latin ones are what is tested
"""The oracle has the rules of `trainer.data.tokens`, character by character with `unicodedata`."""

import html.entities
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import TextConfig
from trainer.data.tokens import TextEncoding, fit_texts, tokenize

SCRIPTS_WITHOUT_SPACES = (
    *("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "CJK RADICAL", "KANGXI", "HIRAGANA", "KATAKANA"),
    *("HALFWIDTH KATAKANA", "KATAKANA-HIRAGANA", "THAI", "LAO", "KHMER", "MYANMAR"),
)
# Characters that are in every version of Unicode that may be at work here: of the oracle, of RE2 and of ICU.
BLOCKS = {
    "latin": (0x20, 0x24F),
    "greek": (0x391, 0x3C9),
    "cyrillic": (0x400, 0x45F),
    "hebrew": (0x5D0, 0x5EA),
    "arabic": (0x620, 0x669),
    "devanagari": (0x904, 0x939),
    "thai": (0xE01, 0xE5B),
    "lao": (0xEC8, 0xECD),
    "myanmar": (0x1000, 0x1055),
    "khmer": (0x1780, 0x17DC),
    "hangul": (0xAC00, 0xAC40),
    "hiragana": (0x3041, 0x3096),
    "katakana": (0x30A1, 0x30FC),
    "han": (0x4E00, 0x4E80),
    "emoji": (0x1F600, 0x1F64F),
    "flags": (0x1F1E6, 0x1F1FF),
    "skin": (0x1F3FB, 0x1F3FF),
}
SIGNS = "\0\t\n\r \u0085\u00a0\u200b\u200c\u200d\u200e\u202e\u00ad\ufeff\ufe0f\u0301\u20e3\ufffd&;<>/!-'’.,1²½™☀❤"
PIECES = (
    "<b>",
    "</p>",
    "<br/>",
    "<!-- a -->",
    "<script>x</script>",
    "<a href='x'",
    "&amp;",
    "&#39;",
    "&#x1F600;",
    "& ",
)
CHARACTERS = st.one_of(
    st.sampled_from(SIGNS), *(st.characters(min_codepoint=a, max_codepoint=b) for a, b in BLOCKS.values())
)
TEXTS = st.lists(st.one_of(CHARACTERS, st.sampled_from(PIECES)), max_size=30).map("".join)


def oracle(text: str, max_tokens: int) -> list[str]:
    tokens, word = list[str](), ""
    alone = False  # whether the word is a character of its own, which only marks may follow
    for character in [*_without_html(text).lower(), " "]:
        category = unicodedata.category(character)
        if (category == "Cf" and character != "\u200b") or "\ufe00" <= character <= "\ufe0f":
            continue
        is_single = category == "So" or (
            category[0] in "LMN" and unicodedata.name(character, "").startswith(SCRIPTS_WITHOUT_SPACES)
        )
        if category in ("Mn", "Mc"):
            if alone or not is_single:
                word += character if word else ""
                continue
        elif category[0] in "LN" and not is_single and not alone:
            word += character
            continue
        tokens += [word] if word else []
        word, alone = "", False
        if category[0] in "LN" or (category == "So" and character != "\ufffd"):
            word, alone = character, is_single
    return tokens[:max_tokens]


def _without_html(text: str) -> str:
    for opening, closing in (("<!--", "-->"), ("<script>", "</script>")):
        while opening in text and closing in text.split(opening, 1)[1]:
            before, after = text.split(opening, 1)
            text = f"{before} {after.split(closing, 1)[1]}"
    text = re.sub(r"<[a-zA-Z/!?][^<>]*>", " ", text)
    return re.sub(r"&(#\d+|#x[0-9A-Fa-f]+|amp);", " ", text)


def split(*texts: str | bytes, max_tokens: int = 100) -> list[list[str]]:
    encoded = [text.encode() if isinstance(text, str) else text for text in texts]
    rows = tokenize(tf.constant(encoded, tf.string), max_tokens).to_list()
    return [[token.decode() for token in row] for row in rows]


@settings(max_examples=200)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(1, 20))
def test_tokens_of_mixed_texts_equal_the_oracle(texts: list[str], max_tokens: int) -> None:
    assert split(*texts, max_tokens=max_tokens) == [oracle(text, max_tokens) for text in texts]


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_tokens_of_any_bytes_are_words_of_letters_numbers_marks_or_a_symbol(data: bytes) -> None:
    for token in split(data)[0]:
        categories = [unicodedata.category(character)[:1] for character in token]
        assert categories
        assert set(categories) <= set("LMNSC")  # C: not assigned in the oracle's version of Unicode
        assert categories[0] != "M"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \t\n", []),
        ("\0", []),
        ("Tom\0Jerry", ["tom", "jerry"]),
        ("The 39 Steps (1935)", ["the", "39", "steps", "1935"]),
        ("Château à Évreux", ["château", "à", "évreux"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("STRASSE Straße", ["strasse", "straße"]),
        ("ΣΟΦΟΣ ДОМ", ["σοφο\u03c2", "дом"]),
        ("世界のニュース2020年", [*"世界のニュース", "2020", "年"]),
        ("ｶﾞ々〇", [*"ｶﾞ々〇"]),
        ("iPhone手机case", ["iphone", "手", "机", "case"]),
        ("한국 영화", ["한국", "영화"]),
        ("ภาษาไทย", [*"ภาษาไทย"]),
        ("กิน", ["กิ", "น"]),
        ("ខ្មែរ។", ["ខ្", "មែ", "រ"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("\u202bمرحبا\u202c بالعالم", ["مرحبا", "بالعالم"]),
        ("می\u200cخواهم", ["میخواهم"]),
        ("zero\u200bwidth soft\u00adhyphen", ["zero", "width", "softhyphen"]),
        ("हिन्दी", ["हिन्दी"]),
        ("<p class='x'>War &amp; Peace</p>", ["war", "peace"]),
        ("a<br>b", ["a", "b"]),
        ("<script>var x = 1 < 2;</script><STYLE>p {}</STYLE><!-- no\n -->yes", ["yes"]),
        ("I <3 you, 1 < 2 > 0", ["i", "3", "you", "1", "2", "0"]),
        ("AT&T; R&D", ["at", "t", "r", "d"]),
        ("😀😀 ok ❤\ufe0f", ["😀", "😀", "ok", "❤"]),
        ("👍🏽", ["👍"]),
        ("🇫🇷", ["🇫", "🇷"]),
        ("👩\u200d🚀", ["👩", "🚀"]),
        ("1\ufe0f\u20e3", ["1"]),
        ("\u0301\u0301abc", ["abc"]),
        ("\ufeffBOM \ufffd", ["bom"]),
        (b"\xff\xfeabc\xc3 d\xe9f", ["abc", "d", "f"]),
    ],
)
def test_tokens_of_known_texts(text: str | bytes, tokens: list[str]) -> None:
    assert split(text) == [tokens]


def test_all_entities_of_html_with_a_semicolon_are_removed() -> None:
    entities = [f"&{name}" for name in html.entities.html5 if name.endswith(";")]

    assert split(*entities) == [[] for _ in entities]


def test_only_the_first_tokens_count() -> None:
    assert split("a b c d", "e", max_tokens=3) == [["a", "b", "c"], ["e"]]


def test_only_a_bounded_prefix_of_a_long_text_is_read() -> None:
    """30 tokens allow 4,096 bytes, and 100 tokens 6,400. A Han character has 3 bytes, and a part of one is dropped."""
    assert split("x" * 1_000_000, max_tokens=30) == [["x" * 4_096]]
    assert split(" " * 4_096 + "late", max_tokens=30) == [[]]
    assert split(" " * 4_096 + "late", max_tokens=100) == [["late"]]
    assert split("東" * 300_000, max_tokens=2_000) == [["東"] * 2_000]
    assert split(" " * 4_094 + "東", max_tokens=30) == [[]]


ITEMS = ["red fox", "Red wolf", "red, red panda 🐼", "", "\0", "fox!", "wolf" * 400_000, "zebra <i>fox</i>"]


SETTINGS: dict[str, dict[str, Any]] = {
    "all": {"max_vocabulary": 100, "min_count": 1},
    "top": {"max_vocabulary": 1, "min_count": 1},
    "frequent": {"max_vocabulary": 100, "min_count": 3},
}


def fitted(texts: Sequence[str], name: str) -> tuple[TextEncoding, list[list[int]]]:
    """Return the vocabulary of titles, and the ids of each title without padding."""
    titles = {"title": np.array(texts, dtype=object)}
    rows = np.arange(len(texts))
    encoding = fit_texts(titles, rows, TextConfig(columns=("title",), max_tokens=4, **SETTINGS[name]))
    ids = encoding.encode(titles, rows)
    return encoding, [[token for token in text if token] for text in ids[:, 0].tolist()]


def test_ids_follow_frequency_and_then_the_token_in_any_order_of_rows() -> None:
    tokens = {text: oracle(text[:4_096], 4) for text in ITEMS}
    counts = Counter(token for row in tokens.values() for token in row)
    expected = sorted(counts, key=lambda token: (counts[token], token.encode()), reverse=True)

    encoding, ids = fitted(ITEMS, "all")

    assert encoding.tokens == tuple(expected)
    assert ids == [[1 + expected.index(token) for token in tokens[text]] for text in ITEMS]
    assert fitted(ITEMS[::-1], "all") == (encoding, ids[::-1])
    assert expected[:2] == ["red", "fox"]  # 4 and 3 times
    assert fitted(ITEMS, "top")[0].tokens == ("red",)
    frequent, ids = fitted(ITEMS, "frequent")
    assert frequent.tokens == ("red", "fox")
    assert ids[ITEMS.index("red, red panda 🐼")] == [1, 1, 3, 3]  # one id for all that are not in the vocabulary


def test_texts_without_tokens_give_empty_rows() -> None:
    encoding, ids = fitted(["", "<br>", "..."], "all")
    assert (encoding.tokens, ids) == ((), [[], [], []])


def test_fields_are_padded_to_the_longest_text_and_a_missing_row_is_empty() -> None:
    texts = {"title": np.array(["b", "a"], dtype=object), "abstract": np.array(["a c", ""], dtype=object)}
    encoding = TextEncoding(("title", "abstract"), ("a", "b"), 4)
    assert encoding.encode(texts, np.array([1, -1, 0])).tolist() == [
        [[1, 0], [0, 0]],
        [[0, 0], [0, 0]],
        [[2, 0], [1, 3]],
    ]


def test_texts_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(ITEMS, "all")
    monkeypatch.setattr("trainer.data.tokens._TEXTS_AT_ONCE", 3)
    assert fitted(ITEMS, "all") == whole
