from __future__ import annotations

from pathlib import Path

import numpy as np

from components.evaluator.item_columns import item_categories, read_item_values
from components.item_table.write_items import write_items
from tests.components.evaluated import EVALUATION
from tests.components.item_table.test_write_items import examples
from tests.components.item_tables import row, settings, write
from trainer.baselines.tables import ItemCounts


def test_item_categories_are_those_of_the_log_and_then_those_of_the_table(tmp_path: Path) -> None:
    rows = [row("b", genres=["War", "Drama"]), row("not in the log", genres=["War"])]
    table = settings(write(tmp_path / "items.jsonl", "jsonl", rows), "jsonl")
    write_items(table, examples(tmp_path / "examples", "b"), str(tmp_path / "items"))
    columns = {"categories": (("section", ","),), "item_categories": ("genres",)}
    evaluation = EVALUATION.model_copy(update=columns)
    sections, zeros = np.array(["", "x, y"], dtype=object), np.zeros(2, np.int64)
    counts = ItemCounts(np.array(["a", "b"], dtype=object), zeros, zeros, 0, zeros / 1.0, {"section": sections})

    found = list(item_categories(counts, read_item_values(str(tmp_path / "items"), evaluation), evaluation))

    assert found == [(1, "section", "x"), (1, "section", "y"), (1, "genres", "War"), (1, "genres", "Drama")]


def test_evaluation_without_columns_of_the_table_reads_no_table() -> None:
    assert read_item_values(None, EVALUATION) == {}
