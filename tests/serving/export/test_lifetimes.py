"""Items that age and expire. `PUBLISHED` and `LIFE` give the right answers."""

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_IDS, TARGET_TIMESTAMP_S
from serving.export.lifetimes import NEVER, ItemLifetimes
from serving.server.client import Client
from serving.server.server import ModelServer
from tests.clock import clock_allowed, deterministic
from tests.serving.export.test_export import serialized, strings
from tests.serving.successor import ITEMS, Successor, write_model

LIFE = 1_000  # seconds
PUBLISHED = {"a": 100, "b": 200, "c": 300, "d": 400, "e": 0, "f": 600}  # "e" has no time, so it never expires
EXPIRES = {item: at + LIFE for item, at in PUBLISHED.items() if at}
NOTHING = tf.zeros([1, 0], tf.string)

histories = st.lists(st.sampled_from([*ITEMS, "nope", ""]), min_size=1, max_size=5)
times = st.integers(1, 1_700)


class Mortal(Successor):
    """A `Successor` whose items expire."""

    def __init__(self, serves_reranked: bool, published_s: list[int], life_s: int) -> None:
        super().__init__(serves_reranked=serves_reranked)
        self.lifetimes = ItemLifetimes(np.array(published_s, np.int64), life_s)


@pytest.fixture(scope="module", params=[False, True], ids=["retrieval", "ranking"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = Mortal(request.param, list(PUBLISHED.values()), LIFE)
    return write_model(tmp_path_factory.mktemp("mortal") / "model", model)


@cache
def signatures(path: Path) -> Any:
    return tf.saved_model.load(str(path)).signatures


def live(now_s: int) -> set[str]:
    return {item for item in ITEMS if item not in EXPIRES or now_s < EXPIRES[item]}


def lists(outputs: dict[str, tf.Tensor], *names: str) -> list[list[str]]:
    return [[item.decode() for item in outputs[name].numpy()[0] if item] for name in names]


def recommend(path: Path, history: list[str], now_s: int) -> list[str]:
    """Return the recommendations of the whole catalogue; 0 for a request without a time."""
    found = signatures(path)["recommend"](
        item_ids=strings([history]),
        timestamps_s=tf.zeros([1, 1], tf.int64),
        query_timestamps_s=tf.constant([now_s], tf.int64),
        exclude=NOTHING,
        k=tf.constant(len(ITEMS)),
    )
    return lists(found, "item_ids")[0]


def example(history: list[str], now_s: int) -> tf.Tensor:
    features: Any = {ITEM_IDS: history, EXCLUDE_IDS: [], TARGET_IDS: ["a"], TARGET_TIMESTAMP_S: [now_s]}
    return tf.constant([serialized(features)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, now_s=times)
def test_no_signature_recommends_an_expired_item(path: Path, history: list[str], now_s: int) -> None:
    asked = tf.constant([now_s], tf.int64)
    none = tf.zeros([1, 1], tf.int64)
    explained = signatures(path)["explain"](item_ids=strings([history]), timestamps_s=none, query_timestamps_s=asked)
    answered = signatures(path)["serving_default"](examples=example(history, now_s))
    evaluated = signatures(path)["evaluate"](examples=example(history, now_s))
    every = [
        recommend(path, history, now_s),
        *lists(explained, "item_ids"),
        *lists(answered, "item_ids"),
        *lists(evaluated, "item_ids", "retrieval_item_ids", "ranking_item_ids"),
    ]

    for found in every:
        assert {*found} <= live(now_s)
    served = lists(answered, "item_ids")[0]
    assert served == lists(evaluated, "item_ids")[0][: len(served)]  # served equals evaluated


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, now_s=times)
def test_every_live_and_unseen_item_is_recommended_by_retrieval(path: Path, history: list[str], now_s: int) -> None:
    (found,) = lists(signatures(path)["evaluate"](examples=example(history, now_s)), "retrieval_item_ids")
    assert {*found} == live(now_s) - {*history}


def test_item_expires_in_the_second_after_its_life(path: Path) -> None:
    assert [{"a", "b"} & {*recommend(path, ["nope"], now_s)} for now_s in (1_099, 1_100, 1_199, 1_200)] == [
        {"a", "b"},
        {"b"},
        {"b"},
        set(),
    ]


def test_popular_items_of_a_fallback_have_not_expired(path: Path) -> None:
    assert recommend(path, ["nope"], 1_099) == ["d", "a", "b", "e", "c", "f"]  # by popularity
    assert recommend(path, ["nope"], 1_400) == ["e", "f"]


@clock_allowed
def test_request_without_a_time_is_asked_at_the_servers_clock(tmp_path: Path) -> None:
    now_s = int(time.time())
    published = [now_s - 3_000, now_s - 4_000, 300, now_s + 500, 0, 600]  # a life of an hour
    path = write_model(tmp_path / "model", Mortal(False, published, 3_600))
    assert {*recommend(path, ["nope"], 0)} == {"a", "d", "e"}


def test_request_with_a_time_is_answered_where_operations_are_deterministic(path: Path) -> None:
    """The process that trains a model also evaluates it."""
    with deterministic():
        assert recommend(path, ["nope"], 1_400) == ["e", "f"]


@clock_allowed
def test_client_passes_the_time_of_the_query(path: Path) -> None:
    served = path.parent / "versions"
    served.mkdir(exist_ok=True)
    (served / "1").symlink_to(path)
    with ModelServer(served) as server, Client(f"localhost:{server.port}") as client:
        (then,) = client.recommend([["nope"]], k=6, context={"query_timestamps_s": [1_400]})
        (now,) = client.recommend([["nope"]], k=6)
    assert then.item_ids == ["e", "f"]
    assert now.item_ids == ["e"]


def test_embed_returns_when_items_expire(path: Path, tmp_path: Path) -> None:
    found = signatures(path)["embed"](item_ids=tf.constant(["c", "e", "nope"]))["expires_s"].numpy()
    assert found.tolist() == [1_300, NEVER, NEVER]
    immortal = signatures(write_model(tmp_path / "model"))
    assert set(immortal["embed"].structured_outputs) == {"embeddings"}


def test_age_is_the_logarithm_of_days_and_unknown_ages_are_the_oldest() -> None:
    days = 86_400
    lives = ItemLifetimes(np.array([10 * days, 0, 7 * days, 20 * days], np.int64), ages=True)
    found = lives.features(tf.constant([[1, 2, 3, 4, 0]], tf.int64), tf.constant([13 * days], tf.int64))
    # The second item is as old as the third, which is the oldest. The fourth is from the future.
    np.testing.assert_allclose(found[0, :4, 0], np.log([1 + 3, 1 + 6, 1 + 6, 1 + 0]), rtol=1e-6)
    assert lives.expired(tf.constant([10**12], tf.int64)) is None


def test_lifetimes_that_nothing_reads_need_no_times() -> None:
    lives, ids = ItemLifetimes(), tf.constant([[1, 2]], tf.int64)
    assert (lives.reads_now, lives.feature_names) == (False, ())
    assert lives.features(ids, tf.constant([5], tf.int64)).shape == (1, 2, 0)
    assert lives.without_expired(ids, tf.constant([5], tf.int64)) is ids
