"""Systems that answer the same queries: the model, its two stages, the previous model and the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse

from components.baselines.tables import read_tables
from components.common.stores import absolute, readable_by_tensorflow
from components.evaluator.expiry import Expiry, read_expiry
from components.evaluator.item_columns import ItemValues, item_categories, read_item_values
from components.evaluator.queries import Queries
from components.evaluator.query_metrics import MODEL, PREVIOUS, Recommendations
from schemas.config.evaluation import EvaluatorConfig
from schemas.errors import InputError
from serving.export.recommender import STAGES
from trainer.baselines.recommenders import BASELINES, BaselineRecommender
from trainer.baselines.tables import Tables
from trainer.metrics.lists import Catalogue, Ids

QUERIES_AT_ONCE = 512  # sorted by length before they are divided into batches
BATCH, THREADS = 32, 2  # a batch needs memory for the scores of the whole catalogue
_ITEMS_AT_ONCE = 10_000


class Sources(NamedTuple):
    """The folders of the systems."""

    counts: str  # the output of the component Baselines
    model: str  # the saved model to judge
    previous: str | None = None  # the saved model to compare with
    items: str | None = None  # the output of the component ItemTable, if the evaluation reads columns of it


def system_names(sources: Sources) -> list[str]:
    """Return the names of all systems.

    Args:
        sources: the folders of the systems.

    Returns:
        The names, the model first.
    """
    return [MODEL, *STAGES, *([PREVIOUS] if sources.previous else []), *BASELINES]


class Systems:
    """The loaded systems.

    Args:
        model: the saved model to judge.
        previous: the saved model to compare with.
        tables: the counts of the baselines.
        catalogue: all items of the log.
        item_values: the columns of the table of items.
        expiry: when the items expire, for baselines; None if those of the model do not. A saved model has its own.
        remove_seen: whether baselines remove seen items. A saved model has its own setting.
        depth: the length of the lists.
    """

    def __init__(
        self,
        model: Any,
        previous: Any | None,
        tables: Tables,
        catalogue: Catalogue,
        item_values: ItemValues,
        *,
        expiry: Expiry | None = None,
        remove_seen: bool,
        depth: int,
    ) -> None:
        self._expiry = expiry
        self._model = model
        self._previous = previous
        self._baselines = BaselineRecommender(tables)
        self.catalogue = catalogue
        self.item_values = item_values
        self._remove_seen = remove_seen
        self._depth = depth

    def answers(self, examples: Sequence[bytes], queries: Queries) -> dict[str, Recommendations]:
        """Answer a batch of queries with each system.

        Args:
            examples: the queries as serialized examples.
            queries: the same queries, parsed.

        Returns:
            System -> its lists.
        """
        found = call_signature(self._model, examples)
        answers = {MODEL: self._answers(found)}
        answers |= {stage: Recommendations(found[f"{stage}_item_ids"][:, : self._depth]) for stage in STAGES}
        if self._previous is not None:
            answers[PREVIOUS] = self._answers(call_signature(self._previous, examples))
        lists = self._baselines.recommend(
            queries.histories,
            queries.excluded,
            remove_seen=self._remove_seen,
            k=self._depth,
            hidden=self._expiry.expired(queries.times_s) if self._expiry else None,
        )
        return {**answers, **{name: Recommendations(ranked) for name, ranked in lists.items()}}

    def _answers(self, found: dict[str, Any]) -> Recommendations:
        return Recommendations(found["item_ids"][:, : self._depth], found["auc"].astype(np.float64))


def load_model(path: str) -> Any:
    """Load a saved model.

    The last two models stay in memory, because the gate and the report call the evaluated model again.

    Args:
        path: the folder of the saved model, also on an object store.

    Returns:
        The model with its signatures.

    Raises:
        InputError: there is no saved model, or it is damaged.
    """
    return _load(absolute(path))  # TFX names an artifact by a relative path, Beam needs an absolute one


@lru_cache(maxsize=2)
def _load(path: str) -> Any:
    try:
        with readable_by_tensorflow(path) as folder:
            return tf.saved_model.load(folder)
    except Exception as error:  # for a damaged model TensorFlow raises any type, even IndexError
        raise InputError(
            expected=f"a saved model in {path}",
            received=f"an error of TensorFlow: {(str(error).splitlines() or [type(error).__name__])[0]}",
            remedy="put it back from a copy, or train it again",
        ) from error


def load_systems(sources: Sources, evaluation: EvaluatorConfig) -> Systems:
    """Load all systems and the catalogue.

    Args:
        sources: the folders of the systems.
        evaluation: the settings.

    Returns:
        The systems.
    """
    tables = read_tables(sources.counts)
    model = load_model(sources.model)
    previous = load_model(sources.previous) if sources.previous else None
    values = read_item_values(sources.items, evaluation)
    categories = _categories(tables, values, evaluation)
    vectors = None if categories is not None else unit_vectors(model, tables.items)
    catalogue = Catalogue(tables.items, tables.interactions, tables.users, tables.all_users, categories, vectors)
    return Systems(
        model,
        previous,
        tables,
        catalogue,
        values,
        expiry=read_expiry(model, tables.items),
        remove_seen=evaluation.remove_seen,
        depth=max(evaluation.ks),
    )


def _categories(tables: Tables, values: ItemValues, evaluation: EvaluatorConfig) -> sparse.csr_matrix | None:
    """Return 0 or 1 for each item and category, [items, categories]; None if there are no categories."""
    rows: list[int] = []
    columns: list[int] = []
    known: dict[tuple[str, str], int] = {}
    for row, name, category in item_categories(tables, values, evaluation):
        rows.append(row)
        columns.append(known.setdefault((name, category), len(known)))
    if not known:
        return None
    return sparse.coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(tables.items), len(known))).tocsr()


def unit_vectors(model: Any, items: Ids) -> npt.NDArray[np.float32]:
    """Return the item vectors of retrieval with length 1.

    Args:
        model: a saved model.
        items: item ids, [n].

    Returns:
        [n, dim], without the last component, which is the item's bias.
    """
    vectors = np.concatenate(list(embed_items(model, items)))[:, :-1]
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def require_common_items(path: str, items: Ids) -> None:
    """Check that a saved model knows at least one item of a log.

    Args:
        path: the folder of the saved model.
        items: the ids of all items of the log.

    Raises:
        InputError: the model knows none of them, or cannot be loaded.
    """
    if not any(vectors.any() for vectors in embed_items(load_model(path), items)):
        raise InputError(
            expected=f"a log with items that the model in {path} knows",
            received=f"{len(items):,} items, such as {items[0]!r}, and the model knows none of them",
            remedy="give the log that the model was trained on, or check data.columns.item",
        )


def embed_items(model: Any, items: Ids) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the embeddings of some items at a time, [n, dim + 1]; those of unknown items are 0.

    Args:
        model: a saved model.
        items: item ids.
    """
    for start in range(0, len(items), _ITEMS_AT_ONCE):
        part = tf.constant(items[start : start + _ITEMS_AT_ONCE].tolist())
        yield model.signatures["embed"](item_ids=part)["embeddings"].numpy()


def call_signature(model: Any, examples: Sequence[bytes], signature: str = "evaluate") -> dict[str, Any]:
    """Call a signature of a saved model on serialized examples.

    Args:
        model: the saved model.
        examples: the requests.
        signature: the name of the signature.

    Returns:
        Output -> array with a row for each example; ids are strings.
    """
    # A batch is computed with the length of its longest history, so histories of similar length share a batch.
    order = np.argsort([len(example) for example in examples], kind="stable")
    parts = [[examples[index] for index in order[start : start + BATCH]] for start in range(0, len(order), BATCH)]
    with ThreadPoolExecutor(THREADS) as threads:  # a call has many small steps, which rarely use two cores
        answers = list(threads.map(lambda part: model.signatures[signature](examples=tf.constant(part)), parts))
    back = np.argsort(order)
    return {name: _strings(np.concatenate([answer[name].numpy() for answer in answers])[back]) for name in answers[0]}


def _strings(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype != object:
        return values
    return np.array([[item.decode() for item in row] for row in values], dtype=object).reshape(values.shape)
