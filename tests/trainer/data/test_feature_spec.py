from pathlib import Path

import numpy as np
import pytest

from serving.export.feature_encoding import FeatureEncoding
from trainer.data.feature_spec import multi_hot_ids


@pytest.fixture
def genres(tmp_path: Path) -> FeatureEncoding:
    (tmp_path / "genres").write_text("war\ncomedy|war\nwar | drama|war\n")
    return FeatureEncoding(vocabulary_file=str(tmp_path / "genres"))


def test_multi_hot_ids_without_separator_are_the_codes(genres: FeatureEncoding) -> None:
    assert multi_hot_ids(np.array([0, 3, 1]), genres, None).tolist() == [[0], [3], [1]]


def test_multi_hot_ids_with_separator_number_names_alphabetically(genres: FeatureEncoding) -> None:
    comedy, drama, war = 1, 2, 3
    items = np.array([0, 1, 2, 3, 4])  # 4 is an unknown category

    assert multi_hot_ids(items, genres, "|").tolist() == [[0, 0], [war, 0], [comedy, war], [war, drama], [0, 0]]
