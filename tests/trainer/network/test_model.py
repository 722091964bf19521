import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import config
from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID, TIME_CODES
from serving.export.feature_encoding import FeatureEncoding
from trainer.data.batches import NEXT_IDS
from trainer.data.feature_spec import FeatureSpec
from trainer.data.item_features import ItemFeatures
from trainer.data.training_set_stats import TrainingSetStats
from trainer.network.attention import ATTENTION
from trainer.network.model import NextItemModel
from trainer.training.optimizer import make_optimizer

ITEMS, DIM = 30, 8
HISTORIES = [[3, 1, 4, 1, 5, 9], [2, 6, 5], [7], []]


def network(
    items: int = ITEMS,
    seed: int = 0,
    remove_seen: bool = True,
    train: config.TrainConfig | None = None,
    feature_spec: FeatureSpec = FeatureSpec(),  # noqa: B008
    item_codes: dict[str, npt.NDArray[np.int64]] | None = None,
    item_features: ItemFeatures = ItemFeatures(),  # noqa: B008
    unseen: int = 0,
    id_dropout: float = 0.0,
    **settings: Any,
) -> NextItemModel:
    tf.keras.utils.set_random_seed(seed)
    tf.random.set_global_generator(tf.random.Generator.from_seed(seed))
    model = config.ModelConfig.model_validate(
        {
            "dim": DIM,
            "items": {"id_dropout": id_dropout, "text": {"dropout": 0.0}},
            "encoder": {"units": 6},
            **settings,
        }
    )
    rng = np.random.default_rng(seed)
    sequences = [rng.integers(1, items + 1, 8) for _ in range(5)]
    if item_codes or item_features.by_source:
        sequences = [np.arange(1, items + 1 - unseen)]  # the content of an item counts alone where it is not seen
    stats = TrainingSetStats(
        steps=1,
        target_fractions=np.full(items, 1 / items, np.float32),
        sequences=sequences,
        item_codes=item_codes or {},
    )
    train = train or config.TrainConfig()
    made = NextItemModel(stats, 10, model, train, remove_seen, feature_spec, item_features=item_features)
    history = made.encode(padded([[1]]), dict.fromkeys(TIME_CODES, tf.zeros([1, 2], tf.int64)))
    made.rank(history, tf.constant([[1]], tf.int64))  # creates all weights
    # Enough variance that each comparison below can fail.
    for weight in made.trainable_variables:
        weight.assign_add(0.3 * rng.normal(size=weight.shape))
    made.set_reranker(np.linspace(1.0, 0.1, len(made.score_names)).astype(np.float32), None, serve=False)
    return made


def query(model: NextItemModel, item_ids: tf.Tensor) -> tf.Tensor:
    return model.encode(item_ids).query


def attention(model: NextItemModel, item_ids: tf.Tensor) -> tf.Tensor:
    return model.encode(item_ids).attention


def rank(model: NextItemModel, item_ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
    return model.rank(model.encode(item_ids), candidate_ids)


def padded(histories: list[list[int]], extra: int = 0) -> tf.Tensor:
    width = max(map(len, histories)) + extra
    return tf.constant([history + [0] * (width - len(history)) for history in histories], tf.int64)


@pytest.fixture(scope="module")
def model() -> NextItemModel:
    return network()


def outputs(model: NextItemModel, item_ids: tf.Tensor) -> dict[str, npt.NDArray[np.float32]]:
    candidate_ids = tf.tile(tf.constant([[1, 5, 30]], tf.int64), [item_ids.shape[0], 1])
    width = max(map(len, HISTORIES))
    return {
        "query": query(model, item_ids).numpy(),
        "attention": attention(model, item_ids).numpy()[:, :width],
        "rank": rank(model, item_ids, candidate_ids).numpy(),
    }


def test_outputs_have_documented_shapes(model: NextItemModel) -> None:
    found = outputs(model, padded(HISTORIES))
    assert found["query"].shape == (4, DIM + 1)
    assert found["attention"].shape == (4, 6)
    assert found["rank"].shape == (4, 3)
    assert model.candidates().shape == (ITEMS, DIM + 1)


@pytest.mark.parametrize("kind", sorted(ATTENTION))
def test_outputs_of_a_history_are_the_same_alone_in_a_batch_and_padded(kind: str) -> None:
    model = network(attention={"kind": kind})
    together = outputs(model, padded(HISTORIES))
    longer = outputs(model, padded(HISTORIES, extra=5))
    for name, expected in together.items():
        np.testing.assert_allclose(longer[name], expected, atol=1e-5, err_msg=name)
        for row, history in enumerate(HISTORIES[:3]):
            alone = outputs(model, padded([history]))[name][0]
            np.testing.assert_allclose(alone, expected[row, : len(alone)], atol=1e-5, err_msg=name)


def test_attention_weights_cover_the_history_before_its_last_item_and_sum_to_one(model: NextItemModel) -> None:
    weights = attention(model, padded(HISTORIES, extra=2)).numpy()
    for row, history in enumerate(HISTORIES):
        earlier = max(len(history) - 1, 0)
        assert (weights[row, :earlier] > 0).all()
        assert (weights[row, earlier:] == 0).all()
        assert weights[row].sum() == pytest.approx(1 if earlier else 0, abs=1e-6)


def test_query_depends_on_order_and_last_item(model: NextItemModel) -> None:
    a, b, c = query(model, padded([[1, 2, 3], [2, 1, 3], [1, 2, 4]])).numpy()
    assert np.abs(a - b).max() > 1e-3
    assert np.abs(a - c).max() > 1e-3


def test_empty_history_scores_items_by_bias(model: NextItemModel) -> None:
    candidates = model.candidates().numpy()
    scores = query(model, padded([[], [1]])).numpy() @ candidates.T
    np.testing.assert_allclose(scores[0], candidates[:, -1], atol=1e-6)


def test_input_and_output_embeddings_are_one_table(model: NextItemModel) -> None:
    """No other weight has a row for each item, except the bias."""
    shapes = [tuple(variable.shape) for variable in model.trainable_variables]
    assert [shape for shape in shapes if shape[0] in (ITEMS, ITEMS + 1)] == [(ITEMS + 1, DIM), (ITEMS + 1,)]
    table = next(variable for variable in model.trainable_variables if variable.shape == (ITEMS + 1, DIM))
    np.testing.assert_array_equal(model.candidates()[:, :-1], table[1:])


def losses(model: NextItemModel, item_ids: tf.Tensor, next_ids: tf.Tensor) -> dict[str, float]:
    """Return the losses that a training step logs. The step itself has a learning rate of 0."""
    for metric in model.metrics:
        metric.reset_state()
    model.compile(optimizer=tf.keras.optimizers.SGD(0.0))
    return {name: float(loss) for name, loss in model.train_step({ITEM_IDS: item_ids, NEXT_IDS: next_ids}).items()}


def test_retrieval_loss_is_mean_softmax_loss_over_targets() -> None:
    model = network(dropout=0.0)
    sequences = [[3, 1, 4, 1, 5], [2, 6, 7]]
    found = losses(model, padded([s[:-1] for s in sequences]), padded([s[1:] for s in sequences]))
    expected = []
    for sequence in sequences:
        for i in range(1, len(sequence)):
            read = query(model, padded([sequence[:i]])).numpy()[0].astype(np.float64)
            scores = model.candidates().numpy().astype(np.float64) @ read
            expected.append(np.log(np.exp(scores).sum()) - scores[sequence[i] - 1])
    assert found["retrieval_loss"] == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_step_of_a_batch_in_parts_equals_step_of_whole_batch(parts: int) -> None:
    """Also if parts have different numbers of targets, or there are more parts than histories."""
    item_ids, next_ids = padded([[3, 1, 4, 1], [5], [2, 6], [7]]), padded([[1, 4, 1, 5], [9], [6, 5], [3]])
    stepped = []
    for accumulation in (1, parts):
        model = network(dropout=0.0, train=config.TrainConfig(accumulation=accumulation))
        model.compile(optimizer=tf.keras.optimizers.SGD(0.5))
        loss = float(model.train_step({ITEM_IDS: item_ids, NEXT_IDS: next_ids})["retrieval_loss"])
        stepped.append((loss, [variable.numpy() for variable in model.trainable_variables]))
    assert stepped[0][0] == pytest.approx(stepped[1][0], rel=1e-6)
    for whole, summed in zip(stepped[0][1], stepped[1][1], strict=True):
        np.testing.assert_allclose(summed, whole, atol=1e-5)


def test_step_of_sampled_loss_moves_only_sampled_items() -> None:
    """Of 1,000 items, only those of the batch and the sample move."""
    train = config.TrainConfig(loss=config.LossConfig(kind="sampled", negatives=5, in_batch=2))
    model = network(items=1_000, dropout=0.0, reranker={"cooccurrence": False}, train=train)
    model.compile(optimizer=make_optimizer(train.model_copy(update={"warmup_steps": 0}), steps=10))
    before = model.candidates().numpy()
    model.train_step({ITEM_IDS: padded([[3, 1], [5, 2]]), NEXT_IDS: padded([[1, 4], [2, 9]])})
    moved = np.abs(model.candidates().numpy() - before).max(axis=1) > 0
    assert moved[[0, 1, 2, 3, 4, 8]].all()
    assert moved.sum() <= 13  # 6 of the batch, and 7 that are drawn


@pytest.mark.parametrize("parts", [1, 3])
def test_l2_adds_squares_of_decaying_weights_once(parts: int) -> None:
    """The number of parts of a batch makes no difference."""
    item_ids, next_ids = padded([[3, 1, 4, 1], [5], [2, 6], [7]]), padded([[1, 4, 1, 5], [9], [6, 5], [3]])
    model = network(dropout=0.0, train=config.TrainConfig(l2=0.01, accumulation=parts))
    decaying = [w for w in model.trainable_variables if not any(part in w.name for part in ("bias", "gamma", "beta"))]
    squares = sum(float((weight.numpy().astype(np.float64) ** 2).sum()) for weight in decaying)

    found = losses(model, item_ids, next_ids)

    assert found["loss"] - found["retrieval_loss"] == pytest.approx(0.01 * squares, rel=1e-3)


def gradients(model: NextItemModel) -> dict[str, float]:
    batch = {ITEM_IDS: padded([[3, 1, 4], [5, 9]]), NEXT_IDS: padded([[1, 4, 1], [9, 2]])}
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch, training=True)
    found = tape.gradient(loss, model.trainable_variables)
    return {
        variable.name: float(np.abs(tf.convert_to_tensor(gradient)).max())
        for variable, gradient in zip(model.trainable_variables, found, strict=True)
    }


def test_joint_loss_has_a_gradient_for_each_weight() -> None:
    found = gradients(network(dropout=0.0, attention={"kind": "additive"}))
    assert {name for name, gradient in found.items() if gradient < 1e-9} == set()


@pytest.mark.parametrize(("kind", "start"), [("full", 0.0), ("binary", -math.log(ITEMS))])
def test_binary_loss_starts_with_probabilities_that_sum_to_about_one(
    kind: Literal["full", "binary"], start: float
) -> None:
    """Each is 1 / 30, because the noise that `network` adds to the biases has a mean of about 0."""
    model = network(train=config.TrainConfig(loss=config.LossConfig(kind=kind)))
    assert model.candidates().numpy()[:, -1].mean() == pytest.approx(start, abs=0.2)


def validation(model: NextItemModel, examples: list[tuple[list[int], list[int], int]]) -> tuple[float, float]:
    for metric in model.metrics:
        metric.reset_state()
    logs = model.test_step(
        {
            ITEM_IDS: padded([history for history, _, _ in examples]),
            EXCLUDE_IDS: padded([exclude for _, exclude, _ in examples]),
            TARGET_ID: tf.constant([target for _, _, target in examples], tf.int64),
        }
    )
    return float(logs["recall@10"]), float(logs["ndcg@10"])


def best_first(model: NextItemModel, history: list[int]) -> list[int]:
    scores = (query(model, padded([history])) @ tf.transpose(model.candidates())).numpy()[0]
    return [int(row) + 1 for row in np.argsort(-scores)]


def test_validation_counts_seen_and_unknown_targets_as_misses(model: NextItemModel) -> None:
    history = [3, 1]
    unseen = [item for item in best_first(model, history) if item not in history]
    assert validation(model, [(history, [], unseen[0])]) == (1, 1)
    assert validation(model, [(history, [], unseen[2])]) == pytest.approx((1, 1 / 2))
    assert validation(model, [(history, [], unseen[9])])[0] == 1
    assert validation(model, [(history, [], unseen[10])]) == (0, 0)
    assert validation(model, [(history, unseen[:3], unseen[10])]) == pytest.approx((1, 1 / np.log2(9)))  # now eighth
    assert validation(model, [(history, unseen[:1], unseen[0])]) == (0, 0)  # excluded
    assert validation(model, [(history, [], history[0])]) == (0, 0)  # in the history
    assert validation(model, [(history, [], ITEMS + 1)]) == (0, 0)  # unknown


def test_validation_without_remove_seen_counts_seen_items() -> None:
    model = network(remove_seen=False)
    best = best_first(model, [3, 1])[0]
    assert validation(model, [([3, 1], [best], best)]) == (1, 1)


def test_validation_metrics_are_means_over_examples(model: NextItemModel) -> None:
    first = next(item for item in best_first(model, [3, 1]) if item not in (3, 1))
    assert validation(model, [([3, 1], [], first), ([2], [], ITEMS + 1)]) == (0.5, 0.5)


def test_validation_with_all_items_seen_finds_none() -> None:
    model = network(items=4)
    assert validation(model, [([1, 2], [3, 4], 1)]) == (0, 0)
    assert validation(model, [([1, 2], [3], 4)]) == (1, 1)


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, ITEMS), min_size=1, max_size=8),
    st.lists(st.integers(1, ITEMS), max_size=8),
    st.integers(1, ITEMS + 1),
)
def test_validation_equals_sorting_the_scores(history: list[int], exclude: list[int], target: int) -> None:
    model = MODEL
    left = [item for item in best_first(model, history) if item not in {*history, *exclude}][:10]
    rank = left.index(target) + 1 if target in left else None
    expected = (1.0, 1 / np.log2(rank + 1)) if rank else (0.0, 0.0)
    assert validation(model, [(history, exclude, target)]) == pytest.approx(expected, abs=1e-6)


MODEL = network(seed=3)


def test_validation_of_equal_scores_finds_no_hit_for_the_last_item() -> None:
    model = network()
    for weight in model.trainable_variables:
        weight.assign(tf.zeros_like(weight))
    assert validation(model, [([1], [], ITEMS)]) == (0, 0)


def test_saved_methods_return_the_same_values(tmp_path: Path) -> None:
    """Also in a graph that was saved and loaded, as serving uses them."""
    model = network(attention={"kind": "additive"})  # this kind has its own weight
    module = tf.Module()
    module.model = model
    ids = tf.TensorSpec([None, None], tf.int64)
    module.query = tf.function(lambda item_ids: query(model, item_ids), [ids], autograph=False)
    module.candidates = tf.function(model.candidates, [], autograph=False)
    module.attention = tf.function(lambda item_ids: attention(model, item_ids), [ids], autograph=False)
    module.rank = tf.function(lambda *arguments: rank(model, *arguments), [ids, ids], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    item_ids = padded(HISTORIES)
    np.testing.assert_allclose(loaded.query(item_ids), query(model, item_ids), atol=1e-5)
    np.testing.assert_allclose(loaded.attention(item_ids), attention(model, item_ids), atol=1e-5)
    np.testing.assert_allclose(loaded.candidates(), model.candidates(), atol=1e-5)
    candidate_ids = tf.constant([[4, 2]] * 4, tf.int64)
    np.testing.assert_allclose(loaded.rank(item_ids, candidate_ids), rank(model, item_ids, candidate_ids), atol=1e-5)


def test_items_of_one_category_of_the_log_share_its_vector() -> None:
    """An update of the category's vector moves all items of the category, and no other."""
    genre = np.zeros(ITEMS + 1, np.int64)
    genre[[3, 7]] = 1
    genre[[4]] = 2
    columns = FeatureSpec(item_encodings={"genre": (FeatureEncoding(boundaries=np.array([1.0], np.float32)), None)})
    model = network(feature_spec=columns, item_codes={"genre": genre})
    (vectors,) = [weight for weight in model.trainable_variables if weight.name.endswith("genre/vectors:0")]
    before = model.candidates().numpy()
    vectors.assign_add(tf.one_hot([0], 2, axis=0) * tf.ones([2, DIM]))
    moved = model.candidates().numpy() - before

    assert np.flatnonzero(np.abs(moved).sum(axis=1) > 1e-4).tolist() == [2, 6]  # the rows of items 3 and 7
