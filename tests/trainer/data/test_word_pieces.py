import pytest

from trainer.data.word_pieces import WordPieces

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "cafe", "!", "$", "東", "京", "-", "x", "##x"]
UNKNOWN = 1


def pieces(text: str, max_tokens: int = 200) -> list[str]:
    """Return the pieces between the start and the end."""
    ids = WordPieces(PIECES).ids(text, max_tokens)
    assert PIECES[ids[0]] == "[CLS]"
    assert PIECES[ids[-1]] == "[SEP]"
    return [PIECES[each] for each in ids[1:-1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n\u00a0 ", []),
        ("unaffable", ["un", "##aff", "##able"]),  # the example of BERT's own code
        ("UNAFFABLE!", ["un", "##aff", "##able", "!"]),
        ("unaffably", ["[UNK]"]),  # a word with an unknown rest is unknown as a whole
        ("Café", ["cafe"]),
        ("cafe\u0301", ["cafe"]),
        ("un$cafe", ["un", "$", "cafe"]),
        ("東京cafe", ["東", "京", "cafe"]),
        ("un\u00adaff\u200bable\0", ["un", "##aff", "##able"]),
        ("x" * 100, ["x", *["##x"] * 99]),
        ("x" * 101, ["[UNK]"]),
        ("🎄", ["[UNK]"]),
        ("[SEP]", ["[UNK]", "[UNK]", "[UNK]"]),  # a text cannot end itself
    ],
)
def test_pieces_of_known_texts(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_long_texts_are_cut_to_the_limit_with_an_end() -> None:
    assert pieces("un ! " * 10, max_tokens=5) == ["un", "!", "un"]
    assert pieces("unaffable", max_tokens=4) == ["un", "##aff"]
    assert pieces("un " * 400_000, max_tokens=4) == ["un", "un"]
