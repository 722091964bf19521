"""Raw examples for the tests of this folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from schemas.features import SPLITS, TRAIN
from tests.components.history_example import HistoryExample, to_example


def example(
    items: Sequence[str],
    times: Sequence[int] | None = None,
    *,
    user: str = "u",
    exclude: Sequence[str] = (),
    later: Sequence[str] = (),
    further: Mapping[str, Sequence[Any]] | None = None,
) -> bytes:
    """Return an example: the last item is the first target; `further` has a value for each item."""
    *history, target = items
    *before, target_time = range(len(items)) if times is None else times
    return to_example(
        HistoryExample(
            split=TRAIN,
            user_id=user,
            item_ids=history,
            timestamps_s=before,
            target_ids=[target, *later],
            target_timestamp_s=target_time,
            exclude_ids=list(exclude),
            further={name: list(values[:-1]) for name, values in (further or {}).items()},
            train_interactions=0,
            of_user={},
            target_further={name: values[-1] for name, values in (further or {}).items()},
        )
    )


def write_splits(folder: Path, splits: Mapping[str, Sequence[Sequence[bytes]]]) -> str:
    """Write the splits, with one file for each list of examples, and return the folder."""
    for split in SPLITS:
        (folder / f"Split-{split}").mkdir(parents=True)
        for number, examples in enumerate(splits.get(split, [[]])):
            path = folder / f"Split-{split}" / f"data-{number}.gz"
            with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
                for each in examples:
                    writer.write(each)
    return str(folder)
