from pathlib import Path

from components.pusher.component import SCRATCH, publish


def make_model(folder: Path, text: str) -> str:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text(text)
    (folder / "variables" / "data").write_text("weights")
    return str(folder)


def test_a_version_is_a_copy_of_the_model(tmp_path):
    model = make_model(tmp_path / "model", "graph")
    version = Path(publish(model, str(tmp_path / "models")))
    assert version.name.isdecimal()
    assert (version / "saved_model.pb").read_text() == "graph"
    assert (version / "variables" / "data").read_text() == "weights"


def test_versions_rise_however_fast_they_come(tmp_path):
    model = make_model(tmp_path / "model", "graph")
    versions = [int(Path(publish(model, str(tmp_path / "models"))).name) for _ in range(3)]
    assert versions == sorted(set(versions))


def test_what_is_served_already_is_not_copied_again(tmp_path):
    first, second = (make_model(tmp_path / name, name) for name in ("first", "second"))
    for model in (first, second):
        (Path(model) / "fingerprint.pb").write_text(model)
    versions = [publish(model, str(tmp_path / "models")) for model in (first, first, second, first)]
    assert versions[0] == versions[1]
    assert len({*versions}) == 3
    assert (Path(max(versions)) / "saved_model.pb").read_text() == "first"


def test_a_clock_set_back_does_not_hide_a_new_version(tmp_path):
    (tmp_path / "models" / "99999999999").mkdir(parents=True)
    assert Path(publish(make_model(tmp_path / "model", "graph"), str(tmp_path / "models"))).name == "100000000000"


def test_what_an_interrupted_push_left_is_no_version_and_is_removed(tmp_path):
    left = tmp_path / "models" / SCRATCH / "123"
    left.mkdir(parents=True)
    publish(make_model(tmp_path / "model", "graph"), str(tmp_path / "models"))
    (version,) = (tmp_path / "models").iterdir()
    assert version.name.isdecimal()


def test_publish_keeps_a_folder_of_someone_else(tmp_path):
    (tmp_path / "models" / "mine.partial").mkdir(parents=True)
    publish(make_model(tmp_path / "model", "graph"), str(tmp_path / "models"))
    assert (tmp_path / "models" / "mine.partial").is_dir()
