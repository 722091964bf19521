from pathlib import Path

import numpy as np
import pytest

from serving.export.feature_encoding import FeatureEncoding
from trainer.data.feature_spec import multi_hot_ids


@pytest.fixture
def genres(tmp_path: Path) -> FeatureEncoding:
    (tmp_path / "genres").write_text("war\ncomedy|war\nwar | drama|war\n")
    return FeatureEncoding(vocabulary_file=str(tmp_path / "genres"))


def test_a_category_is_a_code_of_its_own_where_nothing_separates(genres: FeatureEncoding) -> None:
    assert multi_hot_ids(np.array([0, 3, 1]), genres, None).tolist() == [[0], [3], [1]]


def test_names_of_a_category_are_numbered_by_the_alphabet_each_once(genres: FeatureEncoding) -> None:
    comedy, drama, war = 1, 2, 3
    items = np.array([0, 1, 2, 3, 4])  # 4 is a category that is not in the vocabulary

    assert multi_hot_ids(items, genres, "|").tolist() == [[0, 0], [war, 0], [comedy, war], [war, drama], [0, 0]]
