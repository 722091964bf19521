"""What recommends: the model, its two orders, the model before it, and the baselines; each answers the same queries."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse

from components.baselines.tables import read_tables
from components.evaluator.queries import Queries
from components.evaluator.query_metrics import MODEL, PREVIOUS, Recommendations
from schemas.config.evaluation import EvaluatorConfig
from schemas.config.log import split_categories
from schemas.errors import InputError
from serving.export.recommender import STAGES
from trainer.baselines.recommenders import BASELINES, BaselineRecommender
from trainer.baselines.tables import Tables
from trainer.metrics.lists import Catalogue, Ids

QUERIES_AT_ONCE = 512  # among which those of like length are found
BATCH, THREADS = 32, 2  # that a model answers at once, bounding the memory to so many scores of the whole catalogue
_EMBEDDED = 10_000  # items at once


class Sources(NamedTuple):
    """Where the systems are: folders."""

    counts: str  # of the component Baselines
    model: str  # a saved model, the one to judge
    previous: str | None = None  # the one it is compared with


def system_names(sources: Sources) -> list[str]:
    """Every system, the model first."""
    return [MODEL, *STAGES, *([PREVIOUS] if sources.previous else []), *BASELINES]


class Systems:
    """All systems, loaded.

    Args:
        model: to judge.
        previous: to compare with.
        tables: the counts that the baselines go by.
        catalogue: every item of the log.
        remove_seen: whether baselines leave out what the user has seen; models know by themselves.
        depth: of the lists.
    """

    def __init__(
        self, model: Any, previous: Any | None, tables: Tables, catalogue: Catalogue, *, remove_seen: bool, depth: int
    ) -> None:
        self._model = model
        self._previous = previous
        self._baselines = BaselineRecommender(tables)
        self.catalogue = catalogue
        self._remove_seen = remove_seen
        self._depth = depth

    def answers(self, examples: Sequence[bytes], queries: Queries) -> dict[str, Recommendations]:
        """What each system recommends, by the names of `system_names`.

        Args:
            examples: the queries, serialized.
            queries: the same, read.
        """
        found = call_signature(self._model, examples)
        answers = {MODEL: self._answers(found)}
        answers |= {order: Recommendations(found[f"{order}_item_ids"][:, : self._depth]) for order in STAGES}
        if self._previous is not None:
            answers[PREVIOUS] = self._answers(call_signature(self._previous, examples))
        lists = self._baselines.recommend(
            queries.histories, queries.excluded, remove_seen=self._remove_seen, k=self._depth
        )
        return {**answers, **{name: Recommendations(ranked) for name, ranked in lists.items()}}

    def _answers(self, found: dict[str, Any]) -> Recommendations:
        return Recommendations(found["item_ids"][:, : self._depth], found["auc"].astype(np.float64))


@lru_cache(maxsize=2)
def load_model(path: str) -> Any:
    """A saved model. The last two are kept: what was evaluated is asked again by the gate, and for the report.

    Raises:
        InputError: there is none, or it is damaged.
    """
    try:
        return tf.saved_model.load(path)
    except Exception as error:  # of a damaged one TensorFlow raises anything, an IndexError too
        raise InputError(
            expected=f"a saved model in {path}",
            received=f"what TensorFlow cannot load: {(str(error).splitlines() or [type(error).__name__])[0]}",
            remedy="put it back from a copy, or train it again",
        ) from error


def load_systems(sources: Sources, evaluation: EvaluatorConfig) -> Systems:
    """Loads them, with what is known of the items."""
    tables = read_tables(sources.counts)
    model = load_model(sources.model)
    previous = load_model(sources.previous) if sources.previous else None
    categories = item_categories(tables, evaluation)
    vectors = None if categories is not None else unit_vectors(model, tables.items)
    catalogue = Catalogue(tables.items, tables.interactions, tables.users, tables.all_users, categories, vectors)
    return Systems(model, previous, tables, catalogue, remove_seen=evaluation.remove_seen, depth=max(evaluation.ks))


def item_categories(tables: Tables, evaluation: EvaluatorConfig) -> sparse.csr_matrix | None:
    """Which item is of which categories, 0 or 1, [items, categories]; None where the log has none."""
    rows: list[int] = []
    columns: list[int] = []
    known: dict[tuple[str, str], int] = {}
    for name, separator in evaluation.categories:
        for row, value in enumerate(tables.features[name]):
            for part in split_categories(value, separator):
                rows.append(row)
                columns.append(known.setdefault((name, part), len(known)))
    if not known:
        return None
    return sparse.coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(tables.items), len(known))).tocsr()


def unit_vectors(model: Any, items: Ids) -> npt.NDArray[np.float32]:
    """What retrieval scores items by, [n, dim], of length 1; without the last number, which is the item's bias."""
    parts = [items[start : start + _EMBEDDED].tolist() for start in range(0, len(items), _EMBEDDED)]
    embed = model.signatures["embed"]
    vectors = np.concatenate([embed(item_ids=tf.constant(part))["embeddings"].numpy() for part in parts])[:, :-1]
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def call_signature(model: Any, examples: Sequence[bytes], signature: str = "evaluate") -> dict[str, Any]:
    """What a signature of a saved model answers to serialized examples, as arrays; ids as strings."""
    # Histories of about one length together: a batch is computed as long as its longest one.
    order = np.argsort([len(example) for example in examples], kind="stable")
    parts = [[examples[place] for place in order[start : start + BATCH]] for start in range(0, len(order), BATCH)]
    with ThreadPoolExecutor(THREADS) as threads:  # an answer is many small steps, which seldom fill two cores
        answers = list(threads.map(lambda part: model.signatures[signature](examples=tf.constant(part)), parts))
    back = np.argsort(order)
    return {name: _strings(np.concatenate([answer[name].numpy() for answer in answers])[back]) for name in answers[0]}


def _strings(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype != object:
        return values
    return np.array([[item.decode() for item in row] for row in values], dtype=object).reshape(values.shape)
