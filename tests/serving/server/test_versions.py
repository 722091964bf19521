"""The version that is served, and the states of the others."""

import shutil
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2

from schemas.errors import InputError
from serving.server.servable import RequestError
from serving.server.versions import Versions, find_versions

State = get_model_status_pb2.ModelVersionStatus.State


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    path = tmp_path / "models"
    path.mkdir()
    return path


def add(model: Path, base_path: Path, name: str) -> Path:
    return Path(shutil.copytree(model, base_path / name))


def states(versions: Versions) -> dict[int, int]:
    return {version: status.state for version, status in versions.statuses().items()}


def first_letter(versions: Versions, version: int | None = None) -> str:
    """Return the first recommendation of the served version after "a"."""
    with versions.lease(version) as servable:
        answer = servable.predict("recommend", {"item_ids": tf.make_tensor_proto([["a"]])})
    return str(answer["item_ids"].string_val[0].decode())


def test_refresh_serves_the_highest_number(base_path: Path, model: Path, second_model: Path) -> None:
    add(model, base_path, "9")
    add(second_model, base_path, "10")

    versions = Versions(base_path)
    versions.refresh()

    assert (versions.served, first_letter(versions)) == (10, "c")
    assert states(versions) == {10: State.AVAILABLE}


def test_find_versions_ignores_other_names_and_incomplete_folders(base_path: Path, model: Path) -> None:
    for name in ("3.partial", "tmp-4", "-5", "007", "٨", "1e3"):
        add(model, base_path, name)
    (base_path / "11").mkdir()
    (base_path / "12").write_text("a file")
    (base_path / "13" / "variables").mkdir(parents=True)
    add(model, base_path, "2")

    assert find_versions(base_path) == {2}


def test_refresh_new_version_takes_over_and_the_old_one_ends(base_path: Path, model: Path, second_model: Path) -> None:
    add(model, base_path, "1")
    versions = Versions(base_path)
    versions.refresh()
    assert first_letter(versions) == "b"

    add(second_model, base_path, "2")
    versions.refresh()

    assert first_letter(versions) == "c"
    assert states(versions) == {1: State.END, 2: State.AVAILABLE}


def test_lease_keeps_the_old_version_until_the_request_ends(base_path: Path, model: Path, second_model: Path) -> None:
    add(model, base_path, "1")
    versions = Versions(base_path)
    versions.refresh()

    with versions.lease() as servable:
        add(second_model, base_path, "2")
        versions.refresh()
        assert states(versions) == {1: State.UNLOADING, 2: State.AVAILABLE}
        answer = servable.predict("recommend", {"item_ids": tf.make_tensor_proto([["a"]])})
        assert answer["item_ids"].string_val[0] == b"b"

    assert states(versions) == {1: State.END, 2: State.AVAILABLE}


def test_refresh_version_that_does_not_load_leaves_the_old_one(base_path: Path, model: Path) -> None:
    add(model, base_path, "1")
    versions = Versions(base_path)
    versions.refresh()

    shutil.rmtree(add(model, base_path, "2") / "variables")
    versions.refresh()

    assert first_letter(versions) == "b"
    assert states(versions) == {1: State.AVAILABLE, 2: State.END}
    assert "variables" in versions.statuses()[2].error


def test_refresh_version_that_cannot_answer_is_never_served(base_path: Path, model: Path) -> None:
    class Broken(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name="item_ids")])
        def recommend(self, item_ids: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.control_dependencies([tf.debugging.Assert(tf.size(item_ids) < 0, ["no answer from this one"])]):
                return {"item_ids": tf.identity(item_ids)}

    broken = Broken()
    add(model, base_path, "1")
    tf.saved_model.save(broken, str(base_path / "2"), signatures={"recommend": broken.recommend})

    versions = Versions(base_path)
    versions.refresh()

    assert versions.served == 1
    assert "no answer from this one" in versions.statuses()[2].error


def test_refresh_failed_version_is_tried_again_only_after_its_files_change(
    base_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = add(model, base_path, "1")
    whole = (broken / "saved_model.pb").read_bytes()
    (broken / "saved_model.pb").write_bytes(whole[: len(whole) // 2])
    versions = Versions(base_path)
    versions.refresh()
    versions.refresh()
    assert (states(versions), versions.served) == ({1: State.END}, None)
    assert caplog.text.count("version 1 does not load") == 1
    with pytest.raises(RequestError, match="version 1: "), versions.lease():
        pass

    (broken / "saved_model.pb").write_bytes(whole)
    versions.refresh()

    assert first_letter(versions) == "b"
    assert versions.statuses()[1].error == ""


def test_refresh_removed_version_is_replaced_by_the_one_before(
    base_path: Path, model: Path, second_model: Path
) -> None:
    add(model, base_path, "1")
    newest = add(second_model, base_path, "2")
    versions = Versions(base_path)
    versions.refresh()

    shutil.rmtree(newest)
    versions.refresh()

    assert first_letter(versions) == "b"
    assert states(versions) == {1: State.AVAILABLE, 2: State.END}


def test_refresh_served_version_stays_after_its_files_are_removed(base_path: Path, model: Path) -> None:
    only = add(model, base_path, "1")
    versions = Versions(base_path)
    versions.refresh()

    shutil.rmtree(only)
    versions.refresh()

    assert first_letter(versions) == "b"


def test_lease_before_the_first_version_names_the_folder(base_path: Path) -> None:
    versions = Versions(base_path)
    versions.refresh()

    with pytest.raises(RequestError, match=str(base_path)) as caught, versions.lease():
        pass

    assert caught.value.code == grpc.StatusCode.UNAVAILABLE


def test_lease_version_that_is_not_served_is_not_found(base_path: Path, model: Path) -> None:
    add(model, base_path, "4")
    versions = Versions(base_path)
    versions.refresh()
    assert first_letter(versions, version=4) == "b"

    with pytest.raises(RequestError, match=r"version 3 .* there is: 4") as caught, versions.lease(3):
        pass

    assert caught.value.code == grpc.StatusCode.NOT_FOUND


def test_versions_base_path_without_versions_raises_input_error(base_path: Path, model: Path) -> None:
    file = base_path / "file"
    file.touch()

    for path, received in [
        (base_path / "nowhere", "does not exist"),
        (file, "a file"),
        (model, "a saved model itself"),
    ]:
        with pytest.raises(InputError) as caught:
            Versions(path)
        assert received in caught.value.received


def test_refresh_version_with_a_cut_vocabulary_is_never_served(tmp_path: Path, model: Path) -> None:
    shutil.copytree(model, tmp_path / "1")
    versions = Versions(tmp_path)
    versions.refresh()
    shutil.copytree(model, tmp_path / "2.partial")
    (asset,) = (tmp_path / "2.partial" / "assets").iterdir()
    asset.write_text("a\nb\nc\n")
    (tmp_path / "2.partial").rename(tmp_path / "2")

    versions.refresh()

    assert versions.served == 1
    assert "not complete" in versions.statuses()[2].error
