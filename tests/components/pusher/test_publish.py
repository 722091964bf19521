from pathlib import Path

import pytest
import tensorflow as tf

from components.common.versions import ORIGIN
from components.pusher.publish import SCRATCH, publish, publish_version


def make_model(folder: Path, text: str) -> str:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text(text)
    (folder / "variables" / "data").write_text("weights")
    return str(folder)


def test_publish_copies_the_model(tmp_path):
    model = make_model(tmp_path / "model", "graph")
    version = Path(publish(model, str(tmp_path / "models")))
    assert version.name.isdecimal()
    assert (version / "saved_model.pb").read_text() == "graph"
    assert (version / "variables" / "data").read_text() == "weights"


def test_publish_three_times_in_a_second_gives_ascending_versions(tmp_path):
    model = make_model(tmp_path / "model", "graph")
    versions = [int(Path(publish(model, str(tmp_path / "models"))).name) for _ in range(3)]
    assert versions == sorted(set(versions))


def test_publish_of_the_served_model_copies_nothing(tmp_path):
    first, second = (make_model(tmp_path / name, name) for name in ("first", "second"))
    for model in (first, second):
        (Path(model) / "fingerprint.pb").write_text(model)
    versions = [publish(model, str(tmp_path / "models")) for model in (first, first, second, first)]
    assert versions[0] == versions[1]
    assert len({*versions}) == 3
    assert (Path(max(versions)) / "saved_model.pb").read_text() == "first"


def test_model_with_added_items_is_a_version_of_its_own_and_stays_for_the_model_without_them(tmp_path):
    trained, grown = (make_model(tmp_path / name, name) for name in ("trained", "grown"))
    for path, text in (
        (f"{trained}/fingerprint.pb", "1"),
        (f"{grown}/fingerprint.pb", "2"),
        (f"{grown}/{ORIGIN}", "1"),
    ):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(text)
    models = str(tmp_path / "models")
    first, second = publish(trained, models), publish_version(grown, models)
    assert int(Path(first).name) < int(Path(second).name)
    assert publish(trained, models) == second
    assert (Path(second) / "saved_model.pb").read_text() == "grown"


def test_publish_with_a_clock_set_back_gives_a_higher_version(tmp_path):
    (tmp_path / "models" / "99999999999").mkdir(parents=True)
    assert Path(publish(make_model(tmp_path / "model", "graph"), str(tmp_path / "models"))).name == "100000000000"


def test_publish_removes_the_folder_of_an_interrupted_push_only(tmp_path):
    models = tmp_path / "models"
    others = [models / name for name in ("mine.partial", "123.partial", ".unfinished")]
    for folder in (models / SCRATCH / "123", *others):
        folder.mkdir(parents=True)
    version = Path(publish(make_model(tmp_path / "model", "graph"), str(models)))
    assert {*models.iterdir()} == {version, *others}


def test_publish_that_is_interrupted_leaves_a_folder_that_the_next_one_removes(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    model, models = make_model(tmp_path / "model", "graph"), tmp_path / "models"
    with monkeypatch.context() as patch:
        patch.setattr(tf.io.gfile, "rename", fail)
        with pytest.raises(OSError, match="disk full"):
            publish(model, str(models))
    (left,) = models.iterdir()
    assert not left.name.isdecimal()
    version = Path(publish(model, str(models)))
    assert [*models.iterdir()] == [version]
