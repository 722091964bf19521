from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from schemas.config import PopularityKind
from tests.components.baselines.whole_tables import write_tables
from tests.trainer.counting import tables, walks
from trainer.baselines.read_popularity import read_popularity

COUNTED = {"popularity": np.array([2, 0, 5], np.int64), "recent_popularity": np.array([1.5, 0.0, 0.25])}


@pytest.mark.parametrize("baseline", get_args(PopularityKind))
def test_popularity_of_unknown_vocabulary_items_is_zero(tmp_path: Path, baseline: PopularityKind) -> None:
    counted = tables(walks("abc"), "abc")
    counted = replace(counted, interactions=COUNTED["popularity"], recent=COUNTED["recent_popularity"])
    write_tables(counted, str(tmp_path / "tables"), str(tmp_path))
    vocabulary = tmp_path / "vocabulary"
    vocabulary.write_text("c\na\nin no table\nb\n")
    a, b, c = COUNTED[baseline]
    np.testing.assert_array_equal(read_popularity(str(tmp_path / "tables"), baseline, str(vocabulary)), [c, a, 0, b])
