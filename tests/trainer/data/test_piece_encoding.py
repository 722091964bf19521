import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from schemas.config import TextConfig
from schemas.errors import InputError
from tests.trainer.sentence_files import LONGEST, PIECES, random_weights, write_model
from trainer.data.item_content import ItemContent
from trainer.data.item_features import ItemEncoding, align_items
from trainer.data.piece_encoding import PieceEncoding, read_pieces

TEXTS = {
    "title": np.array(["ab rain", "", "!", "a b c d a b"], dtype=object),
    "abstract": np.array(["rainbow", "c", "", ""], dtype=object),
}


def text(folder: Path, max_tokens: int = 30) -> TextConfig:
    return TextConfig(columns=("title", "abstract"), kind="adapted_encoder", encoder=str(folder), max_tokens=max_tokens)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "encoder", random_weights())


def test_texts_of_an_item_are_one_sequence_of_pieces_between_marks(folder: Path) -> None:
    """[CLS] is 2, [SEP] 3, a..d 4 to 7, ##a and ##b 8 and 9, rain 10, ##bow 11, ! 12. The encoder reads 6 pieces."""
    found = read_pieces(text(folder)).encode(TEXTS, np.array([0, 3, -1, 1, 2]))

    assert found.tolist() == [
        [[2, 4, 9, 10, 10, 3]],
        [[2, 4, 5, 6, 7, 3]],
        [[0, 0, 0, 0, 0, 0]],
        [[2, 6, 3, 0, 0, 0]],
        [[2, 12, 3, 0, 0, 0]],
    ]


@pytest.mark.parametrize(("max_tokens", "expected"), [(5, 5), (30, LONGEST)])
def test_number_of_pieces_is_limited_by_the_setting_and_by_the_encoder(
    folder: Path, max_tokens: int, expected: int
) -> None:
    assert read_pieces(text(folder, max_tokens)).encode(TEXTS, np.array([0])).shape == (1, 1, expected)


def test_encoding_of_features_survives_json_without_the_encoder(folder: Path) -> None:
    items = ItemContent(np.array(["a", "b", "c", "d"], dtype=object), TEXTS, {}, {}, None, {})
    found = align_items(items, [], ["d", "new", "a"], text(folder))

    again = ItemEncoding.from_json(json.loads(json.dumps(found.encoding.to_json())))

    assert isinstance(found.encoding.text, PieceEncoding)
    assert again.text is not None
    assert asdict(again.text) == asdict(found.encoding.text)
    assert found.tokens is not None
    assert found.tokens[:, 0, 1].tolist() == [0, 4, 0, 4]  # padding, d, an item that the table lacks, a
    assert again.text.pieces == tuple(PIECES)  # type: ignore[union-attr]


def test_vocabulary_without_a_mark_is_an_error_for_users(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join(each for each in PIECES if each != "[SEP]"))
    with pytest.raises(InputError, match=r"KeyError: '\[SEP\]'"):
        read_pieces(text(folder))
