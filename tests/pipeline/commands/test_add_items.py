"""New items in a saved model. The right answers are those for the known item with the same content."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from components.common.versions import same_fingerprint
from components.pusher.publish import publish
from components.served_model.component import previous_version
from pipeline.cli import app
from pipeline.commands import add_items as command
from pipeline.commands.add_items import AddedItems, add_items
from schemas.errors import InputError
from serving.export.grow import NewItems, grow
from serving.server.servable import Servable
from tests.clock import clock_allowed
from tests.components.item_tables import row, write
from tests.pipeline.content_version import (
    COLUMNS,
    COUNT,
    ITEMS,
    LENGTH,
    NOT_IN_TABLE,
    SEEN,
    UNSEEN,
    content,
    write_version,
)
from trainer.network.content_model import ContentModel, read_content_model
from trainer.network.model_info import read_model_info

NONE: dict[str, Any] = {"genres": None, "price": None, "image": None, "name": None, "abstract": None}
HISTORIES = [ITEMS[:3], [ITEMS[4]], [UNSEEN, ITEMS[7]], ITEMS[8 : 8 + 2 * LENGTH]]
TWINS = {"new-a": ITEMS[4], "ü,b": ITEMS[8]}  # each has the content of a known item
ROWS = [
    row("new-a", **content(4)),
    row("ü,b", **content(8)),
    row("new-c", **NONE),
    row("new-d", **{**NONE, "genres": ["unknown"]}),  # a category unknown to the training counts as none
    row(ITEMS[0], **content(3)),  # a known item, with other content than before
]
WRONG = [row("bad", price="cheap"), row("worse", image=[1.0]), row("new-a", **content(4))]  # the last one is merged


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_version(tmp_path_factory.mktemp("content"))


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rejected") / "rows"


@pytest.fixture(scope="module")
def grown(version: Path, rejected: Path, tmp_path_factory: pytest.TempPathFactory) -> AddedItems:
    """The result of adding all rows to the version, where a new item is like the nearest known one only."""
    items = table(tmp_path_factory.mktemp("items"), [*ROWS, *WRONG])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "read_content_model", like_one)
        return add_items(str(version), items, rejected)


def like_one(model: str, path: str) -> ContentModel:
    return replace(read_content_model(model, path), similar=1)


def table(folder: Path, rows: Sequence[dict[str, Any]] = ROWS) -> str:
    return str(write(folder / "new.jsonl", "jsonl", rows))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@cache
def load(path: str) -> Any:
    return tf.saved_model.load(path)


def call(path: Path | str, signature: str, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
    found = load(str(path)).signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in found.items()}


def recommend(path: Path | str, history: Sequence[str], **inputs: Any) -> list[str]:
    """Return the recommendations of the whole catalogue."""
    times = np.zeros([1, 1], np.int64)
    given = {"item_ids": [list(history)], "exclude": [[""]], "k": 100, "timestamps_s": times, **inputs}
    return [item.decode() for item in call(path, "recommend", **given)["item_ids"][0] if item]


def retrieve(path: Path | str, item: str) -> list[str]:
    """Return retrieval's list of the whole catalogue after one item."""
    history = tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode()]))
    example = tf.train.Example(features=tf.train.Features(feature={"item_ids": history})).SerializeToString()
    found = call(path, "evaluate", examples=[example])["retrieval_item_ids"][0]
    return [item.decode() for item in found if item]


def embed(path: Path | str, items: Sequence[str]) -> npt.NDArray[np.float32]:
    return call(path, "embed", item_ids=list(items))["embeddings"]


def score(path: Path | str, histories: Sequence[Sequence[str]], candidates: Sequence[str]) -> dict[str, Any]:
    width, times = max(map(len, histories)), np.zeros([1, 1], np.int64)
    padded = [[*history, *[""] * (width - len(history))] for history in histories]
    return call(path, "score", item_ids=padded, candidate_ids=[list(candidates)], timestamps_s=times)


def written(found: AddedItems) -> str:
    assert found.version, found.verdict.reasons
    return found.version


def test_new_item_has_the_vector_of_the_item_with_its_content(version: Path, grown: AddedItems) -> None:
    vectors = embed(written(grown), list(TWINS))

    np.testing.assert_allclose(vectors, embed(version, list(TWINS.values())), rtol=1e-5, atol=1e-6)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-2)


def test_new_item_has_the_mean_vector_of_several_similar_items(version: Path, tmp_path: Path) -> None:
    """A genre of six known items is all that the item has, so each of their genres decides how similar they are."""
    new = row("new", **{**NONE, "genres": ["g2"]})

    found = written(add_items(str(version), table(tmp_path, [new])))

    genres = [content(number)["genres"] for number in range(SEEN)]
    rarity = {
        name: np.log((1 + COUNT) / sum(name in each for each in genres))
        for name in {each for names in genres for each in names}
    }
    similar = [number for number in range(SEEN) if "g2" in genres[number]]
    squares = [rarity["g2"] ** 2 / sum(rarity[name] ** 2 for name in genres[number]) for number in similar]
    expected = np.average(embed(version, [ITEMS[number] for number in similar]), axis=0, weights=squares)
    np.testing.assert_allclose(embed(found, ["new"])[0], expected, rtol=1e-4, atol=1e-5)


def test_items_that_no_training_has_seen_are_no_example_for_new_ones(version: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "read_content_model", like_one)
        found = written(add_items(str(version), table(tmp_path, [row("new", **content(SEEN))])))

    vector = embed(found, ["new"])
    assert not np.allclose(vector, embed(version, [UNSEEN]), atol=1e-2)
    assert any(np.allclose(vector, embed(version, [item]), atol=1e-5) for item in ITEMS[:SEEN])


def test_boost_is_added_to_the_scores_of_new_items_in_both_stages(
    version: Path, grown: AddedItems, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "read_content_model", like_one)
        boosted = written(add_items(str(version), table(tmp_path), boost=1.5))

    names = [*TWINS, *ITEMS]
    before, after = score(written(grown), HISTORIES, names), score(boosted, HISTORIES, names)
    added = np.array([1.5] * len(TWINS) + [0.0] * len(ITEMS))
    np.testing.assert_allclose(after["scores"], before["scores"] + added, rtol=1e-4, atol=1e-5)
    vectors = embed(boosted, names) - embed(written(grown), names)
    np.testing.assert_allclose(vectors[:, -1], added, atol=1e-5)
    np.testing.assert_allclose(vectors[:, :-1], 0.0, atol=1e-5)


def test_known_items_keep_their_vectors_and_scores(version: Path, grown: AddedItems) -> None:
    np.testing.assert_array_equal(embed(written(grown), ITEMS), embed(version, ITEMS))
    before, after = score(version, HISTORIES, ITEMS), score(written(grown), HISTORIES, ITEMS)
    assert set(before) == {"scores", "retrieval_scores"}
    for name, scores in before.items():
        np.testing.assert_allclose(after[name], scores, rtol=1e-5, atol=1e-6)


def test_new_item_has_the_scores_of_its_twin_in_both_stages(grown: AddedItems) -> None:
    scores = score(written(grown), HISTORIES, [*TWINS, *TWINS.values()])
    for found in scores.values():
        np.testing.assert_allclose(found[:, : len(TWINS)], found[:, len(TWINS) :], rtol=1e-4, atol=1e-5)


def test_history_with_a_new_item_is_read_as_one_with_its_twin(grown: AddedItems) -> None:
    new, twins = (
        score(written(grown), [[ITEMS[2], item] for item in items], ITEMS) for items in (TWINS, TWINS.values())
    )
    for name, scores in new.items():
        np.testing.assert_allclose(scores, twins[name], rtol=1e-4, atol=1e-5)
    assert not np.allclose(new["scores"][0], new["scores"][1], atol=1e-2)


def test_retrieval_ranks_new_items_among_the_others(version: Path, grown: AddedItems) -> None:
    found = retrieve(written(grown), ITEMS[5])
    assert {*found} == {*ITEMS, *TWINS} - {ITEMS[5]}
    assert [item for item in found if item not in TWINS] == retrieve(version, ITEMS[5])
    assert not {*TWINS} <= {*found[-len(TWINS) :]}


def test_new_items_are_the_least_popular_ones(grown: AddedItems) -> None:
    assert recommend(written(grown), ["unknown"])[len(ITEMS) :] == sorted(TWINS)


def test_new_version_answers_in_a_session_as_in_tensorflow_serving(grown: AddedItems) -> None:
    """A session loads a model from its graph alone, without the Python objects."""
    given = {"item_ids": [[ITEMS[5], "new-a"]], "exclude": [[""]], "k": 100, "timestamps_s": [[0]]}
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], written(grown))
        signature = loaded.signature_def["recommend"]
        answer = session.run(
            signature.outputs["item_ids"].name, {signature.inputs[name].name: each for name, each in given.items()}
        )
    assert [item.decode() for item in answer[0] if item] == recommend(written(grown), [ITEMS[5], "new-a"])
    assert answer.shape == (1, len(ITEMS) + len(TWINS))


def test_new_version_is_next_to_the_old_one_with_the_same_graph(version: Path, grown: AddedItems) -> None:
    new = Path(written(grown))
    assert new.parent == version.parent
    assert int(new.name) > int(version.name)
    before, after = files(version), files(new)
    assert after["saved_model.pb"] == before["saved_model.pb"]  # with signatures and defaults
    assert after["fingerprint.pb"] != before["fingerprint.pb"]
    assert after["assets/items"].decode().splitlines() == [*ITEMS, *sorted(TWINS)]
    assert {*after} - {*before} == {"assets.extra/origin"}
    Servable(new, int(new.name)).warm_up()


def test_every_row_of_the_table_is_counted_once(grown: AddedItems) -> None:
    assert (grown.rows.rows_read, grown.known, grown.added, grown.unlike, grown.merged) == (8, 1, 2, 2, 1)
    assert grown.rows.rows_rejected == {"bad_number": 1, "bad_vector": 1}
    assert grown.unknown_categories == {"genres": 1}
    of_twins = [content(4), content(8)]
    assert grown.missing == {
        **{name: 2 + sum(not each[name] for each in of_twins) for name in COLUMNS},
        "Texts": 2,  # an item with an abstract has a text
    }


def test_rejected_rows_are_kept_in_the_given_folder(grown: AddedItems, rejected: Path) -> None:
    (file,) = rejected.iterdir()
    letters = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [letter["reason"] for letter in letters] == [*grown.rows.rows_rejected]


def test_guide_lists_the_checks_of_added_items(grown: AddedItems) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "gate.md").read_text()
    section = guide.partition("## Added items\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith(("- ", "  "))]
    named = {name for line in lines for name in re.findall(r"`(\w+)`", line)}
    assert {f"{name}[added]" for name in named} == {check.id for check in grown.verdict.checks}


def test_version_with_added_items_counts_as_a_copy_of_the_model(
    version: Path, grown: AddedItems, tmp_path: Path
) -> None:
    """Neither does the next run push the model without the items again, nor is it compared with itself."""
    models, trained = tmp_path / "models", str(version)
    for each in (version, Path(written(grown))):
        shutil.copytree(each, models / each.name)
    newest = str(models / Path(written(grown)).name)

    assert same_fingerprint(newest, trained)
    assert publish(trained, str(models)) == newest
    assert previous_version(str(models), trained) == ""


def test_command_adds_items_to_a_version_with_added_items(grown: AddedItems, tmp_path: Path) -> None:
    first = written(grown)
    items = table(tmp_path, [row("later", **content(4)), row("new-a", **content(2))])

    found = CliRunner().invoke(app, ["index", "add", "--model", first, "--items", items])

    assert found.exit_code == 0, found.output
    text = " ".join(found.output.replace("│", " ").split())
    for part in ("rows read 2", "known, unchanged 1", "added 1", f"Written: {Path(first).parent}/"):
        assert part in text
    second = text.partition("Written: ")[2]
    assert int(Path(second).name) > int(Path(first).name)
    np.testing.assert_array_equal(embed(second, [*ITEMS, *TWINS]), embed(first, [*ITEMS, *TWINS]))
    assert read_model_info(second)["added_items"] == 3


@clock_allowed
def test_expired_items_are_counted_instead_of_added_and_others_expire_later(tmp_path: Path) -> None:
    """With a life of 20 years, an item of 1990 has expired, and one of 2020 expires in 2040."""
    year = 31_556_952
    version = write_version(tmp_path, expire_after_s=20 * year)
    old, lasting = (row(name, **{**content(4), "date": date}) for name, date in (("old", "1990-01-01"), ("ever", None)))

    found = add_items(str(version), table(tmp_path, [row("new-a", **content(4)), old, lasting]))

    assert (found.rows.rows_read, found.added, found.expired, found.known) == (3, 2, 1, 0)
    assert found.to_json()["expired"] == 1
    for now_s, expected in (
        (1_700_000_000, {*ITEMS, "new-a", "ever"}),
        (1_600_000_000 + 20 * year, {NOT_IN_TABLE, "ever"}),
    ):
        assert {*recommend(written(found), ["unknown"], query_timestamps_s=np.array([now_s]))} == expected
    with pytest.raises(InputError, match="1 new items, all of them expired"):
        add_items(str(version), table(tmp_path, [old]))


def test_version_with_a_failed_check_is_not_written(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ContentModel, *arguments: Any) -> NewItems:
        made = make(self, *arguments)
        return made._replace(likeness=made.likeness * np.float32("nan"))

    make, before = ContentModel.new_items, {*version.parent.iterdir()}
    monkeypatch.setattr(ContentModel, "new_items", broken)

    found = CliRunner().invoke(app, ["index", "add", "--model", str(version), "--items", table(tmp_path), "--json"])

    assert found.exit_code == 3
    result = json.loads(found.output)
    assert (result["version"], result["added"]) == (None, 2)
    failed = {check["id"] for check in result["checks"] if not check["passed"]}
    assert {"finite_scores[added]", "item_vectors[added]"} <= failed
    assert {*version.parent.iterdir()} == before


@pytest.mark.parametrize("moved", ["known", "added"])
def test_vectors_in_wrong_rows_fail_the_checks(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    def broken(path: str, vocabulary: str, items: NewItems) -> None:
        grow(path, vocabulary, items)
        file, first = Path(path, "assets", vocabulary), {"known": 0, "added": len(ITEMS)}[moved]
        lines = file.read_text().splitlines()
        lines[first], lines[first + 1] = lines[first + 1], lines[first]
        file.write_text("".join(f"{line}\n" for line in lines))

    monkeypatch.setattr(command, "grow", broken)

    found = add_items(str(version), table(tmp_path))

    failed = {check.id for check in found.verdict.checks if not check.passed}
    assert found.version is None
    assert "item_vectors[added]" in failed
    assert ("former_scores[added]" in failed) == (moved == "known")
