"""The signatures of a saved model, around a `Recommender`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_IDS, TIMESTAMPS_S
from serving.export.recommender import STAGES, Answer, Recommender, RequestHistory, no_ids


def make_signatures(recommender: Recommender) -> dict[str, Any]:
    """Return the signatures, with names and defaults for their inputs.

    Args:
        recommender: what the signatures call.

    Returns:
        The functions by name; `serving.export.export` describes them.
    """
    serialized = tf.TensorSpec([None], tf.string, name="examples")
    context, k = recommender.context, tf.constant(recommender.k)

    def parsed(examples: tf.Tensor) -> tuple[RequestHistory, tf.Tensor, tf.Tensor]:
        """Return the histories, the ids to exclude, and the target ids."""
        ids = {name: tf.io.RaggedFeature(tf.string) for name in (ITEM_IDS, EXCLUDE_IDS, TARGET_IDS)}
        features = tf.io.parse_example(examples, {**ids, **context.features()})
        items, seen, targets = (features[name].to_tensor("") for name in ids)
        history = recommender.history(items, context.parsed(features, items))
        exclude = recommender.ids(seen) if recommender.remove_seen else no_ids(seen)
        return history, exclude, recommender.ids(targets)

    @tf.function(input_signature=[serialized], autograph=False)
    def serving_default(examples: tf.Tensor) -> Answer:
        history, exclude, _ = parsed(examples)
        return recommender.serve(history, exclude, k)

    @tf.function(input_signature=[serialized], autograph=False)
    def evaluate(examples: tf.Tensor) -> Answer:
        found = recommender.evaluate(*parsed(examples))
        served = "ranking" if recommender.serves_reranked else "retrieval"
        return {
            "item_ids": found[served],
            "auc": found["auc"],
            **{f"{stage}_item_ids": found[stage] for stage in STAGES},
        }

    items, candidates, exclude = (
        tf.TensorSpec([None, None], tf.string, name=name) for name in (ITEM_IDS, "candidate_ids", "exclude")
    )
    # Times put a history in order, also if the model does not read them.
    further = list({TIMESTAMPS_S: tf.TensorSpec([None, None], tf.int64, name=TIMESTAMPS_S), **context.specs}.values())
    # A default has one row or one number, which broadcasts to a batch of any size.
    defaults = {
        **context.defaults,
        TIMESTAMPS_S: tf.zeros([1, 1], tf.int64),
        "exclude": tf.zeros([1, 0], tf.string),
        "k": k,
    }
    return {
        "serving_default": serving_default,
        "evaluate": evaluate,
        "recommend": _signature(
            recommender.recommend, [items, exclude, tf.TensorSpec([], tf.int32, name="k")], further, defaults
        ),
        "score": _signature(recommender.score, [items, candidates], further, defaults),
        "explain": _signature(recommender.explain, [items], further, defaults),
        "embed": _signature(recommender.embed, [tf.TensorSpec([None], tf.string, name=ITEM_IDS)], [], defaults),
    }


def _signature(
    function: Callable[..., Answer],
    specs: Sequence[tf.TensorSpec],
    further: Sequence[tf.TensorSpec],
    defaults: Mapping[str, tf.Tensor],
) -> Any:
    """Return a signature that calls a function.

    Args:
        function: takes a tensor for each of `specs`, and those of `further` in a dictionary.
        specs: inputs that the function takes as arguments.
        further: inputs that it takes in the dictionary.
        defaults: values by name. They become defaults of the signature: a request may leave these inputs out.
    """

    def call(*values: tf.Tensor) -> Answer:
        context = {spec.name: value for spec, value in zip(further, values[len(specs) :], strict=True)}
        return function(*values[: len(specs)], context)

    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                spec.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=defaults.get(spec.name, inspect.Parameter.empty),
            )
            for spec in (*specs, *further)
        ]
    )
    return tf.function(call, input_signature=[*specs, *further], autograph=False)
