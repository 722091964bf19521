from __future__ import annotations

from collections import Counter
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.example_gen.cleaning import shard_work
from components.example_gen.cleaning.minimums import find_rare_items, read_ids
from components.example_gen.cleaning.shard_work import load_timelines
from components.example_gen.counts.file_counts import by_rule
from components.example_gen.interactions.spill import write_spill
from tests.components.example_gen.interactions.test_timelines import by_user
from tests.components.logs import data, interactions, local_pipeline

Pairs = list[tuple[str, str]]


def core(pairs: Pairs, of_item: int, of_user: int) -> Pairs:
    """Return what is left when items and users with too few interactions are left out until there is none."""
    items, users = Counter(item for _, item in pairs), Counter(user for user, _ in pairs)
    left = [(user, item) for user, item in pairs if items[item] >= of_item and users[user] >= of_user]
    return left if left == pairs else core(left, of_item, of_user)


def left_in_shards(pairs: Pairs, of_item: int, of_user: int) -> tuple[Pairs, dict[str, int]]:
    """Return what the ingestion keeps, and the counts, with several shards and files."""
    log = data(min_item_interactions=of_item, min_user_interactions=of_user)
    rows = [(user, item, float(time)) for time, (user, item) in enumerate(pairs)]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_work, "ROWS_PER_SHARD", 5)
        spills = [
            write_spill([interactions(part, first_line=start)], folder)
            for start in range(0, len(rows), 7)
            if (part := rows[start : start + 7])
        ]
        work = shard_work.shard_work(spills, [])
        rare = read_ids(find_rare_items(local_pipeline, log, work, folder))
        found = [load_timelines(each, log, rare) for each in work]
    kept = [(user, item) for each, _ in found for user, pairs in by_user(each).items() for item, _ in pairs]
    return kept, dict(by_rule(sum((counts for _, counts in found), Counter())))


@settings(max_examples=8)
@given(
    pairs=st.lists(st.tuples(st.sampled_from("stuvw"), st.sampled_from("abcdé")), max_size=40),
    of_item=st.integers(2, 4),
    of_user=st.integers(1, 4),
)
def test_rest_is_the_core_of_the_log(pairs: Pairs, of_item: int, of_user: int) -> None:
    kept, counts = left_in_shards(pairs, of_item, of_user)

    assert sorted(kept) == sorted(core(pairs, of_item, of_user))
    assert len(kept) + sum(counts.values()) == len(pairs)


def test_chain_of_users_and_items_falls_apart_from_its_ends() -> None:
    """Items 0 and 4 have one user. Without them, so have 1 and 3, and users 1 and 2 are left with item 2 alone."""
    chain = [(f"u{step}", f"i{step + side}") for step in range(4) for side in (0, 1)]
    whole = [("x", "p"), ("x", "q"), ("y", "p"), ("y", "q")]

    kept, counts = left_in_shards([*chain, *whole], 2, 2)

    assert sorted(kept) == whole
    assert counts == {"below_item_minimum": 6, "below_user_minimum": 2}


def test_ids_of_no_file_are_none() -> None:
    assert read_ids([]).equals(pa.array([], pa.string()))
