"""Recall and NDCG of ranks, against the metrics of lists and against the model's own validation."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID
from tests.trainer.lists import catalogue, lists
from tests.trainer.network.test_model import ITEMS, network, padded
from trainer.metrics import ABSENT, NDCG, Recall, pad_lists, recall_and_ndcg, target_ranks

ITEM = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(st.lists(ITEM, unique=True), ITEM), min_size=1), st.integers(1, 9))
def test_recall_and_ndcg_of_ranks_equal_the_metrics_of_lists(queries: list[tuple[list[str], str]], k: int) -> None:
    ranked, targets = [items for items, _ in queries], [target for _, target in queries]

    ranks = target_ranks(pad_lists(ranked, max(map(len, ranked))), np.array(targets, dtype=object))
    recall, ndcg = recall_and_ndcg(ranks, k)

    some = lists(ranked, [[target] for target in targets], catalogue(dict.fromkeys("abcdefgh", 1)))
    assert ranks.dtype == np.int64
    assert ranks.tolist() == [
        1 + items.index(target) if target in items else ABSENT for items, target in zip(ranked, targets, strict=True)
    ]
    assert recall.tolist() == Recall(k)(some).tolist()
    assert ndcg.tolist() == NDCG(k)(some).tolist()


@pytest.mark.parametrize("remove_seen", [True, False])
def test_model_validation_equals_recall_and_ndcg_of_the_targets_ranks(remove_seen: bool) -> None:
    """Rank all items by one product of query and candidates, without the top-k of the model."""
    model = network(remove_seen=remove_seen)
    rng = np.random.default_rng(1)
    histories = [rng.integers(1, ITEMS + 1, length).tolist() for length in rng.integers(0, 9, 64)]
    targets = rng.integers(1, ITEMS + 3, len(histories))  # some are unknown, some were seen
    exclude = rng.integers(1, ITEMS + 1, (len(histories), 3))
    item_ids = padded(histories)

    logs = model.test_step(
        {
            ITEM_IDS: item_ids,
            EXCLUDE_IDS: tf.constant(exclude, tf.int64),
            TARGET_ID: tf.constant(targets, tf.int64),
        }
    )

    scores = tf.matmul(model.encode(item_ids).query, model.candidates(), transpose_b=True).numpy()
    ranked = np.full((len(histories), ITEMS), None, dtype=object)
    for row, history in enumerate(histories):
        removed = {*history, *exclude[row].tolist()} if remove_seen else set()
        items = [item for item in (1 + np.argsort(-scores[row], kind="stable")).tolist() if item not in removed]
        ranked[row, : len(items)] = items
    recall, ndcg = recall_and_ndcg(target_ranks(ranked, targets.astype(object)), 10)
    assert 0 < recall.mean() < 1
    assert float(logs["recall@10"]) == pytest.approx(recall.mean(), abs=1e-6)
    assert float(logs["ndcg@10"]) == pytest.approx(ndcg.mean(), abs=1e-6)
