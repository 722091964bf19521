"""`temporec index add`: a new version of a saved model whose new items come from their content, without training."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.common.stores import copy_folder, is_remote, write_bytes
from components.common.versions import ORIGIN, read_fingerprint
from components.example_gen.counts.report import TableRows, check_table_rows
from components.example_gen.validation.dead_letters import REJECTED_FOLDER
from components.gate.added_items_checks import check_added_items
from components.gate.verdict import GateVerdict
from components.item_table.write_items import read_validated_items
from components.pusher.publish import publish_version
from components.sentence_vectors.write_vectors import with_sentence_vectors
from pipeline.commands.folders import check_new_folder, copy_rejected, temporary_folder
from pipeline.commands.saved_models import check_graph, check_model
from schemas.errors import InputError
from schemas.features import VOCABULARY
from serving.export.grow import NewItems, grow
from serving.export.lifetimes import UNPUBLISHED
from trainer.data.item_content import ItemContent, to_item_content
from trainer.data.item_features import TEXTS, Rows
from trainer.metrics.lists import Ids
from trainer.network.content_model import ContentModel, read_content_model
from trainer.network.model_info import copy_model_info


@dataclass(frozen=True)
class AddedItems:
    """The result of adding a table of items to a saved model.

    `rows.rows_read = added + known + expired + unlike + merged + sum(rows.rows_rejected)`.

    Args:
        version: the folder of the new version; None if a check failed.
        rows: the rows read and rejected.
        merged: the rows that equal an accepted one.
        known: the items that the model had already; they stay as they were.
        expired: the other items that have expired already, which are not added.
        unlike: the other items that have nothing in common with an item of the training, which are not added.
        added: the new items.
        missing: by column that the model reads, the new items without a value, only columns with any.
        unknown_categories: by column, the categories of new items that the training has not seen; they are ignored.
        verdict: the checks of the new version.
    """

    version: str | None
    rows: TableRows
    merged: int
    known: int
    expired: int
    unlike: int
    added: int
    missing: Mapping[str, int]
    unknown_categories: Mapping[str, int]
    verdict: GateVerdict

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON can hold it, without examples of rejected rows."""
        return {
            "version": self.version,
            "rows_read": self.rows.rows_read,
            "rows_rejected": dict(self.rows.rows_rejected),
            "merged": self.merged,
            "known": self.known,
            "expired": self.expired,
            "unlike": self.unlike,
            "added": self.added,
            "missing": dict(self.missing),
            "unknown_categories": dict(self.unknown_categories),
            "checks": [asdict(check) for check in self.verdict.checks],
        }


def add_items(model: str, items: str, rejected: Path | None = None, boost: float = 0.0) -> AddedItems:
    """Write a new version of a saved model with the new items of a table, next to the old version.

    Args:
        model: the folder of a version, like `ROOT/models/VERSION`, on any file system that Beam knows.
        items: the table, a file, folder or glob on any such file system. Format and columns are those of the table
            in the training.
        rejected: a new folder for the rejected rows; by default they are not kept.
        boost: what is added to the scores of the new items.

    Returns:
        The counts, and the version if it passes all checks.

    Raises:
        InputError: the boost is not finite, the model is no version or reads no content of items, or the table cannot
            be read, has too many rejected rows, or has no new item that can be recommended.

    Example:
        ```python
        found = add_items("gs://bucket/shop/models/1764400000", "new-items.csv")
        print(found.version, found.added)
        ```
    """
    _check_boost(boost)
    model = _check_version(model)
    if rejected is not None:
        check_new_folder(rejected, "--rejected")
    with temporary_folder() as scratch:
        former = _local_copy(model, scratch)
        info = check_model(Path(former))
        content = read_content_model(former, items)
        table = read_validated_items(content.table, scratch, f"{scratch}/unfinished")
        if rejected is not None:
            copy_rejected(Path(scratch, REJECTED_FOLDER), rejected)
        check_table_rows({"items": table.counts}, content.table)
        known, described = (
            _read_vocabulary(former),
            to_item_content(with_sentence_vectors(table.items, content.table.items.sentence_vectors)),
        )
        new = _new_rows(described, known, items, table.counts.rows_rejected)
        rows = _unexpired(described, new, info["expire_after_s"], time.time(), items)
        added = _placed(content, described, rows, boost, items)
        grown = f"{scratch}/model"
        _write_grown(former, grown, added, info.get("added_items", 0) + len(added.ids))
        reads = {name: info[name] for name in ("max_length", "remove_seen")}
        verdict = GateVerdict(tuple(check_added_items(grown, former, added, known, **reads)))
        version = publish_version(grown, model.rpartition("/")[0]) if verdict.blessed else None
    return AddedItems(
        version=version,
        rows=table.counts,
        merged=table.merged,
        known=len(described.ids) - len(new),
        expired=len(new) - len(rows),
        unlike=len(rows) - len(added.ids),
        added=len(added.ids),
        missing=_count_missing(content, described, rows),
        unknown_categories=content.encoding.unknown(described, rows),
        verdict=verdict,
    )


def _check_boost(boost: float) -> None:
    if not math.isfinite(boost):
        raise InputError(
            expected="a finite boost", received=str(boost), remedy="give a number like 1: it is added to scores"
        )


def _check_version(model: str) -> str:
    """Return the path of a version without links and a "/" at the end, if it is one."""
    path = model.rstrip("/") if is_remote(model) else os.path.realpath(model)
    check_graph(path)
    if not path.rpartition("/")[2].isdecimal():
        raise InputError(
            expected="the folder of a version, whose name is a number",
            received=model,
            remedy="give a pushed version, like ROOT/models/1764400000: the new version is written next to it",
        )
    return path


def _local_copy(model: str, scratch: str) -> str:
    """Return the folder of a model on this machine: a copy of one on an object store, which is read several times."""
    if not is_remote(model):
        return model
    copy_folder(model, copy := f"{scratch}/former")
    return copy


def _read_vocabulary(model: str) -> Ids:
    with tf.io.gfile.GFile(f"{model}/assets/{VOCABULARY}") as file:
        return np.array([line.rstrip("\n") for line in file], dtype=object)


def _new_rows(items: ItemContent, known: Ids, path: str, rejected: Mapping[str, int]) -> Rows:
    """Return the rows of the items that the model lacks."""
    of_model = set(known.tolist())
    rows = np.array([row for row, item in enumerate(items.ids) if item not in of_model], np.int64)
    if not len(rows):
        raise InputError(
            expected=f"an item in {path} that the model does not know",
            received=(f"{len(items.ids):,} items, all of them known" if len(items.ids) else "no item")
            + "".join(f"; {count:,} rows rejected as {reason}" for reason, count in rejected.items()),
            remedy="give a table with new items; a change of other items needs a training",
        )
    return rows


def _unexpired(items: ItemContent, rows: Rows, expire_after_s: int | None, now_s: float, path: str) -> Rows:
    """Return the rows of the items that have not expired at a time."""
    if expire_after_s is None:
        return rows
    published_s = items.published_of(rows)
    kept = rows[(published_s == UNPUBLISHED) | (published_s + expire_after_s > now_s)]
    if not len(kept):
        raise InputError(
            expected=f"a new item in {path} that was published in the last {expire_after_s:,} s",
            received=f"{len(rows):,} new items, all of them expired",
            remedy="give a table with newer items, or train with a longer serving.expire_after_s",
        )
    return kept


def _placed(content: ContentModel, items: ItemContent, rows: Rows, boost: float, path: str) -> NewItems:
    """Return the items of some rows that have something in common with an item of the training."""
    found = content.new_items(items, rows, boost)
    if not found.ids:
        raise InputError(
            expected=f"a new item in {path} that has something in common with an item of the training",
            received=f"{len(rows):,} new items, all of them unlike",
            remedy=f"fill the columns that the model reads: {', '.join(content.known.by_source)}",
        )
    return found


def _write_grown(model: str, grown: str, added: NewItems, in_all: int) -> None:
    """Write a copy of a model with added items, and with the number of items that were added to it since training."""
    copy_folder(model, grown)
    grow(grown, VOCABULARY, added)
    copy_model_info(model, grown, added_items=in_all)
    origin = read_fingerprint(model)
    if origin is not None:
        write_bytes(f"{grown}/{ORIGIN}", origin)


def _count_missing(content: ContentModel, items: ItemContent, rows: Rows) -> dict[str, int]:
    found = content.encoding.encode(items, rows)
    missing = {name: int((codes == 0).all(axis=1).sum()) for name, codes in found.codes.items()}
    missing |= {name: int(np.isnan(vectors[:, 0]).sum()) for name, vectors in found.vectors.items()}
    if found.tokens is not None:
        missing[TEXTS] = int((found.tokens == 0).all(axis=(1, 2)).sum())
    return {name: count for name, count in missing.items() if count}
