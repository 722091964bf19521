"""The tables of the Beam pipeline, against counts of one interaction at a time."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from components.baselines import batch_counts, count_pipeline
from components.baselines.batch_counts import recency_weights
from components.baselines.count_pipeline import count_baselines
from components.baselines.tables import read_tables
from components.common import example_batches
from schemas.features import EVAL, TEST, TRAIN
from tests.components.common.test_example_batches import GENRE, YEAR
from tests.components.examples import example, write_splits
from tests.components.logs import local_pipeline
from tests.trainer.counting import ITEMS, Walk, drawn_walks, tables
from trainer.baselines import constants
from trainer.baselines.tables import Tables


def counted(
    folder: Path, splits: dict[str, Any], features: Sequence[Any] = (), half_life_s: float | None = None
) -> Tables:
    source = write_splits(folder / "examples", splits)
    with local_pipeline() as pipeline:
        count_baselines(pipeline, source, str(folder / "tables"), features, half_life_s=half_life_s)
    return read_tables(str(folder / "tables"))


def assert_equal(found: Tables, expected: Tables) -> None:
    assert found.items.tolist() == expected.items.tolist()
    assert found.interactions.tolist() == expected.interactions.tolist()
    assert found.users.tolist() == expected.users.tolist()
    assert found.all_users == expected.all_users
    np.testing.assert_allclose(found.recent, expected.recent, rtol=1e-6)
    for matrix, by_hand in zip(found.transitions, expected.transitions, strict=True):
        assert matrix.toarray().tolist() == by_hand.toarray().tolist()
    np.testing.assert_allclose(found.neighbours.toarray(), expected.neighbours.toarray(), rtol=1e-12)
    assert found.sessions.toarray().tolist() == expected.sessions.toarray().tolist()


def test_tables_of_a_small_log_equal_its_counts_by_hand(tmp_path: Path) -> None:
    """One user in two windows that share b, another in one; six interactions are targets."""
    train = [
        example(["a", "b"], [10, 20], user="u"),
        example(["b", "c", "b", "d"], [20, 30, 40, 40], user="u"),
        example(["d", "b", "d"], [5, 10, 40], user="v"),
    ]
    found = counted(
        tmp_path,
        {
            TRAIN: [train],
            EVAL: [[example(["a", "f"], [10, 90])]],
            TEST: [[example(["b", "e"], [40, 99], exclude=["a"], later=["g"])]],
        },
    )

    assert found.items.tolist() == list("abcdefg")
    assert found.interactions.tolist() == [0, 3, 1, 2, 0, 0, 0]
    assert found.users.tolist() == [1, 2, 1, 2, 0, 0, 0]
    assert found.all_users == 2
    # Times of the six: b 10, 20 and 40, c 30, d 40 twice; three of them came after 30, four after 20, five after 10.
    after = [0.5 ** (later / 0.6) for later in range(6)]
    np.testing.assert_allclose(found.recent, [0, after[5] + after[4] + 1, after[3], 2, 0, 0, 0], rtol=1e-9)
    one, two, three = (matrix.todok() for matrix in found.transitions)
    a, b, c, d = range(4)
    assert dict(one) == {(a, b): 1, (b, c): 1, (c, b): 1, (b, d): 2, (d, b): 1}
    assert dict(two) == {(b, b): 1, (c, d): 1, (d, d): 1}
    assert dict(three) == {(b, d): 1}
    # Sequences: {a, b}, {b, c, d}, {b, d}.
    assert found.neighbours[b].toarray()[0][:4] == pytest.approx([1 / 3**0.5, 0, 1 / 3**0.5, 2 / 6**0.5])
    assert found.neighbours[d].toarray()[0][:4] == pytest.approx([0, 2 / 6**0.5, 1 / 2**0.5, 0])
    assert found.sessions.toarray()[:, :4].tolist() == [[0, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]]


@settings(max_examples=4, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(drawn_walks(max_size=20), st.randoms())
def test_tables_of_shuffled_examples_equal_counts_by_hand(sequences: list[Walk], random: Random) -> None:
    examples = [example(walk.items, walk.times, user=walk.user) for walk in sequences]
    shuffled = random.sample(examples, len(examples))
    with TemporaryDirectory() as folder:
        found = counted(Path(folder), {TRAIN: [shuffled[:2], shuffled[2:5], shuffled[5:]], EVAL: [[example(ITEMS)]]})
    assert_equal(found, tables(sequences, ITEMS))


def test_tables_in_many_blocks_and_parts_equal_counts_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two rows in a block, and a group of users and a part of the sessions for each two interactions.

    Two sequences are counted at once, one of them or few cosines in each step.
    """
    for module, name, value in (
        (batch_counts, "_LEAST_BLOCK_ROWS", 2),
        (batch_counts, "_MOST_BLOCKS", 100),
        (batch_counts, "_INTERACTIONS_OF_USER_GROUP", 2),
        (batch_counts, "_INTERACTIONS_OF_SESSION_PART", 2),
        (batch_counts, "_MOST_PAIRS", 12),
        (batch_counts, "_MOST_COSINES", 3),
        (example_batches, "EXAMPLES_PER_BATCH", 1),
        (count_pipeline, "INTERACTIONS_AT_ONCE", 10),
    ):
        monkeypatch.setattr(module, name, value)
    random = Random(3)
    sequences = [
        Walk(f"u{start % 5}", random.choices(ITEMS, k=5), list(range(start, start + 5))) for start in range(12)
    ]
    examples = [example(walk.items, walk.times, user=walk.user) for walk in sequences]
    found = counted(tmp_path, {TRAIN: [examples[:5], examples[5:]], EVAL: [[example(ITEMS)]]})
    assert_equal(found, tables(sequences, ITEMS))
    files = [path.name for path in (tmp_path / "tables").iterdir()]
    for name in ("sessions", "neighbours", "transitions_1"):
        assert sum(file.startswith(name) for file in files) > 2


def test_old_sessions_of_frequent_items_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each item, one session is kept: {b, c} is the last of b and of c, {a, c} that of a; {a, b} is older."""
    monkeypatch.setattr(constants, "RECENT_SESSIONS", 1)
    train = [example(items, [0, end]) for items, end in (("ab", 1), ("ac", 2), ("bc", 3))]
    assert counted(tmp_path, {TRAIN: [train]}).sessions.toarray().tolist() == [[0, 1, 1], [1, 0, 1]]


def test_neighbours_beyond_the_limit_are_dropped_furthest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sequences {a, b}, {a, c}, {a, c}, {a, d}: cosines 1/2, 1/sqrt 2 and 1/2. Of equal cosines, the lower id stays."""
    monkeypatch.setattr(constants, "NEIGHBOUR_ITEMS", 2)
    train = [example(items) for items in ("ab", "ac", "ac", "ad")]
    assert counted(tmp_path, {TRAIN: [train]}).neighbours[0].indices.tolist() == [1, 2]


def test_table_files_of_reordered_examples_have_equal_bytes(tmp_path: Path) -> None:
    """No two items are three positions apart, so no block of that table has counts."""
    train = [example(items, [3, 3, 4], user=user) for user in "uvw" for items in ("abc", "cbd", "dda", "cab")]
    for folder, order in (("first", [train[:5], train[5:]]), ("second", [train[::-1]])):
        counted(tmp_path / folder, {TRAIN: order})
    files = sorted((tmp_path / "first" / "tables").iterdir())
    assert [path.name for path in files] == [
        "items.parquet",
        "neighbours-00000.npz",
        "sessions-00000.npz",
        "transitions_1-00000.npz",
        "transitions_2-00000.npz",
    ]
    for path in files:
        assert path.read_bytes() == (tmp_path / "second" / "tables" / path.name).read_bytes()


def test_further_columns_of_items_become_features_of_the_tables(tmp_path: Path) -> None:
    device = GENRE.model_copy(update={"name": "device", "of": "interaction"})
    further: dict[str, list[Any]] = {"genre": ["war", "drama"], "year": [2000.0, 1990.0], "device": ["phone", "phone"]}
    found = counted(tmp_path, {TEST: [[example("ba", further=further)]]}, [device, GENRE, YEAR])
    assert list(found.features) == ["genre", "year"]
    assert found.features["genre"].tolist() == ["drama", "war"]
    assert found.features["year"].tolist() == [1990.0, 2000.0]


def test_tables_without_training_examples_are_zero(tmp_path: Path) -> None:
    found = counted(tmp_path, {TEST: [[example("ab")]]})
    assert_equal(found, tables([], "ab"))


def test_recency_weights_of_one_time_are_one() -> None:
    recency = recency_weights((np.array([7]), np.array([1_000])))
    assert recency.times_s.tolist() == [7]
    assert recency.weights.tolist() == [2**32]
    assert recency.interactions == 1_000


def test_recency_weights_halve_for_each_later_tenth_of_the_log() -> None:
    """Two of twenty interactions are at the last second, two at the second before."""
    recency = recency_weights((np.array([1, 8, 9]), np.array([16, 2, 2])))
    assert recency.weights.tolist() == [2**30, 2**31, 2**32]


def test_recency_weights_halve_in_each_half_life_before_the_newest_interaction() -> None:
    """The half-life is 4 seconds: 8 seconds before the end are 2 half-lives, and 400 are too many to count."""
    recency = recency_weights((np.array([0, 392, 396, 400]), np.array([100, 1, 1, 1])), half_life_s=4.0)
    assert recency.weights.tolist() == [0, 2**30, 2**31, 2**32]
    assert recency_weights((np.zeros(0, np.int64), np.zeros(0, np.int64)), half_life_s=4.0).interactions == 0


def test_recent_popularity_has_the_half_life_of_the_settings(tmp_path: Path) -> None:
    """The examples have a target in each second. The half-life is a second."""
    found = counted(tmp_path, {TRAIN: [[example("abc", times=[1, 2, 3])]]}, half_life_s=1.0)
    assert found.recent.tolist() == [0.0, 0.5, 1.0]
