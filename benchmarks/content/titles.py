"""Predict the category of a news title that no training has seen, next to scikit-learn's logistic regression.

    .venv/bin/python -m benchmarks.content.titles --news ../shared/data/news/news.tsv.gz

Each system learns from the same articles and is measured on the same others. The task `item_category` is trained alone,
with its own loss and text encoder, and without a log. A result is one line of `titles.jsonl`. The settings of the text
encoders were chosen with `--seeds 101 --seeds 102`, other divisions of the articles than those that are recorded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
import typer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.provenance import circumstances
from components.sentence_vectors.sentence_encoder import SentenceEncoder
from schemas.config import ItemTowerConfig, TextConfig
from schemas.config.tasks import ItemCategoryConfig
from schemas.errors import InputError
from trainer.data.encoder_files import MINILM, find_encoder
from trainer.data.item_content import ItemContent
from trainer.data.item_features import ItemFeatures, align_items
from trainer.metrics.classification import class_metrics, confusion_matrix, macro_f1
from trainer.network.item_tower import ItemTower
from trainer.network.tasks import ItemCategory, TaskBatch, TaskInputs

RESULTS = Path(__file__).with_name("titles.jsonl")
COLUMNS = ("id", "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities")
KINDS = ("bag", "lstm")
HELD_OUT = 0.2
DIM, STEPS, LEARNING_RATE, DROPOUT = 128, 300, 0.003, 0.7
MEANING = "meaning"

Vectors = npt.NDArray[np.float32]


class Articles(NamedTuple):
    """News articles in the order of their ids.

    Args:
        items: titles and categories; the sentence vectors of the titles under `MEANING`, if an encoder is installed.
        classes: int [n], the number of each category.
        names: the categories.
    """

    items: ItemContent
    classes: npt.NDArray[np.int64]
    names: list[str]


def main(
    news: Annotated[Path, typer.Option(help="a file of articles as in the MIND data set")],
    seeds: Annotated[list[int] | None, typer.Option(help="divisions of the articles; repeatable")] = None,
    steps: Annotated[int, typer.Option(help="steps of each training")] = STEPS,
) -> None:
    """Train and measure each system on each division, print and record."""
    articles = read_articles(news)
    divisions = seeds or [1, 2, 3]
    found: dict[str, list[float]] = {}
    for seed in divisions:
        for name, predicted in predictions(articles, seed, steps).items():
            found.setdefault(name, []).append(predicted)
            print(f"seed {seed}: {name}: {predicted:.4f}", flush=True)
    means = {name: {"macro_f1": float(np.mean(each)), "std": float(np.std(each))} for name, each in found.items()}
    settings = {"steps": steps, "dim": DIM, "learning_rate": LEARNING_RATE, "dropout": DROPOUT}
    result = {"articles": len(articles.classes), "held_out": HELD_OUT, "seeds": list(divisions), **means}
    print(json.dumps(result, indent=1))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**settings, **result, **circumstances()}) + "\n")


def read_articles(path: Path) -> Articles:
    """Read a file of articles.

    Args:
        path: tab-separated, without a header, as MIND's `news.tsv`.
    """
    table = (
        pd.read_csv(path, sep="\t", names=list(COLUMNS), quoting=3, dtype=str).drop_duplicates("id").sort_values("id")
    )
    titles = table["title"].fillna("").to_numpy(object)
    names, classes = np.unique(table["category"].to_numpy(object).astype(str), return_inverse=True)
    try:
        vectors = {MEANING: SentenceEncoder(find_encoder(MINILM)).encode(titles.tolist())}
    except InputError as error:
        print(f"without sentence vectors: {error.remedy}")
        vectors = {}
    categories = {"category": [[category] for category in table["category"]]}
    items = ItemContent(table["id"].to_numpy(object), {"title": titles}, categories, {}, None, vectors)
    return Articles(items, classes.astype(np.int64), names.tolist())


def predictions(articles: Articles, seed: int, steps: int) -> dict[str, float]:
    """Return the macro-F1 of each system on the articles that are held out.

    Args:
        articles: the articles.
        seed: the division, and the seed of the trainings.
        steps: steps of each training.
    """
    held_out = make_task(_features(articles, [], "bag"), _text("bag"), seed).held_out - 1
    trained = np.setdiff1d(np.arange(len(articles.classes)), held_out)
    titles = articles.items.texts["title"]
    most_frequent = np.bincount(articles.classes[trained]).argmax()
    found = {"most frequent category": np.full(len(held_out), most_frequent)}
    for name, weight in (("", None), (", balanced", "balanced")):
        terms = TfidfVectorizer().fit(titles[trained])
        of_terms = LogisticRegression(max_iter=1_000, class_weight=weight).fit(
            terms.transform(titles[trained]), articles.classes[trained]
        )
        found[f"TF-IDF and logistic regression{name}"] = of_terms.predict(terms.transform(titles[held_out]))
    for kind in KINDS:
        found[f"item_category, {kind}"] = learn(_features(articles, [], kind), _text(kind), seed, steps)
    if articles.items.vectors:
        vectors = articles.items.vectors[MEANING]
        of_vectors = LogisticRegression(max_iter=1_000).fit(vectors[trained], articles.classes[trained])
        found["sentence vectors and logistic regression"] = of_vectors.predict(vectors[held_out])
        for kind in KINDS:
            features = _features(articles, [MEANING], kind)
            found[f"item_category, {kind} and sentence vectors"] = learn(features, _text(kind), seed, steps)
    expected, count = articles.classes[held_out], len(articles.names)
    return {
        name: macro_f1(class_metrics(confusion_matrix(expected, each, count), articles.names))
        for name, each in found.items()
    }


def _text(kind: Any) -> TextConfig:
    return TextConfig(columns=("title",), kind=kind, token_dim=DIM, units=DIM, dropout=DROPOUT, min_count=1)


def _features(articles: Articles, columns: Sequence[str], kind: str) -> ItemFeatures:
    ids = articles.items.ids.tolist()
    return align_items(articles.items, columns, ids, _text(kind), labels=["category"])


def make_task(features: ItemFeatures, text: TextConfig, seed: int) -> ItemCategory:
    """Return the task with its initial weights.

    Args:
        features: the content of the articles.
        text: how their titles are read.
        seed: the division, and the seed of the weights.
    """
    tf.keras.utils.set_random_seed(seed)
    tf.random.set_global_generator(tf.random.Generator.from_seed(seed))
    count = len(features.labels["category"].codes) - 1
    tower = ItemTower(count, DIM, features, config=ItemTowerConfig(text=text))
    config = ItemCategoryConfig(kind="item_category", column="category", held_out=HELD_OUT)
    return ItemCategory(config, TaskInputs(DIM, tower, features.labels, seed=seed))


def learn(features: ItemFeatures, text: TextConfig, seed: int, steps: int) -> npt.NDArray[np.int64]:
    """Train the task, and return the predicted classes of the articles that are held out.

    Args:
        features: the content of the articles.
        text: how their titles are read.
        seed: the division, and the seed of the training.
        steps: steps of the training.
    """
    task = make_task(features, text, seed)
    none = tf.zeros([0])
    batch = TaskBatch(none, none, None, none, tf.ones([]), task.items.catalogue(), training=True)
    optimizer = tf.keras.optimizers.Adam(LEARNING_RATE)
    task.loss(batch)  # creates the weights
    variables = task.trainable_variables

    @tf.function(autograph=False)
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = task.loss(batch)
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients((g, v) for g, v in zip(gradients, variables, strict=True) if g is not None)

    for _ in range(steps):
        step()
    return task.predict(task.held_out)


if __name__ == "__main__":
    typer.run(main)
