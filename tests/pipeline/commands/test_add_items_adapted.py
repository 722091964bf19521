"""New items in a saved model whose texts are read by an adapted encoder, which the machine no longer has."""

import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.commands.add_items import add_items
from tests.components.item_tables import row, write
from tests.pipeline.commands.test_add_items import embed
from tests.pipeline.content_version import content, write_version
from tests.trainer.sentence_files import DIM, PIECES, random_weights, write_model

TITLES = ("a rain", "b rainbow!")  # of a new item, and of another


def test_new_item_needs_its_word_pieces_only_and_the_served_graph_has_no_encoder(tmp_path: Path) -> None:
    encoder = write_model(tmp_path / "encoder", random_weights())
    text = {"kind": "adapted_encoder", "columns": ("title",), "encoder": str(encoder), "rank": 1}
    (tmp_path / "root").mkdir()
    version = write_version(tmp_path / "root", text=text)
    shutil.rmtree(encoder)
    rows = [row("new", **content(4)), row("other", **{**content(4), "name": TITLES[0]})]
    rows.append(row("third", **{**content(4), "name": TITLES[1]}))

    found = add_items(str(version), str(write(tmp_path / "new.jsonl", "jsonl", rows)))

    assert found.version, found.verdict.reasons
    vectors = embed(found.version, ["new", "other", "third"])
    assert np.abs(vectors[1] - vectors[0]).max() > 1e-4  # the title counts
    assert np.abs(vectors[1] - vectors[2]).max() > 1e-4
    for path in (version, Path(found.version)):
        served = [shape for _, shape in tf.train.list_variables(f"{path}/variables/variables")]
        assert [len(PIECES), DIM] not in served  # the embeddings of the word pieces
        assert {file.name for file in (path / "assets.extra" / "content").iterdir()} == {"content.json", "known.npz"}
