import pytest
from tfx.proto import example_gen_pb2
from tfx.utils import proto_utils

from components.example_gen.component import InteractionExampleGen, split_globs
from schemas.config import ExampleGenConfig, HistoryConfig, LeaveOneOutConfig
from schemas.config.log import ItemsTableConfig, UsersTableConfig
from schemas.errors import InputError
from tests.components.logs import data


@pytest.mark.parametrize(
    ("paths", "folder", "patterns"),
    [
        (["/a/b/log.csv"], "/a/b", ["log.csv"]),
        (["a/2020-*/log?.csv"], "a", ["2020-*/log?.csv"]),
        (["log.csv"], "", ["log.csv"]),
        (["/a/b/log.csv", "/a/items.csv"], "/a", ["b/log.csv", "items.csv"]),
        (["/a/log.csv", "/b/items.csv"], "/", ["a/log.csv", "b/items.csv"]),
        (["a/log.csv", "b/items.csv"], "", ["a/log.csv", "b/items.csv"]),
        (["gs://bucket/a/*.csv", "gs://bucket/b/items.csv"], "gs://bucket", ["a/*.csv", "b/items.csv"]),
    ],
)
def test_split_globs_splits_paths_at_their_common_folder(paths: list[str], folder: str, patterns: list[str]) -> None:
    assert split_globs(paths) == (folder, patterns)


@pytest.mark.parametrize(
    "paths", [["gs://a/log.csv", "gs://b/items.csv"], ["gs://a/log.csv", "items.csv"], ["/a/log.csv", "b/items.csv"]]
)
def test_split_globs_of_different_file_systems_raises(paths: list[str]) -> None:
    with pytest.raises(InputError, match="in one bucket"):
        split_globs(paths)


def test_example_gen_watches_the_files_of_the_log_and_its_tables() -> None:
    columns = {"columns": {"kind": {"column": "kind"}}}
    items = ItemsTableConfig.model_validate({"path": "data/items/*.csv", "id": "id", "title": "title", **columns})
    users = UsersTableConfig.model_validate({"path": "data/users.csv", "id": "id", **columns})
    settings = data("data/log.csv", items=items, users=users)

    component = InteractionExampleGen(
        ExampleGenConfig(data=settings, split=LeaveOneOutConfig(), history=HistoryConfig()), code=""
    )

    watched = example_gen_pb2.Input()
    proto_utils.json_to_proto(component.exec_properties["input_config"], watched)
    assert component.exec_properties["input_base"] == "data"
    assert [split.pattern for split in watched.splits] == ["log.csv", "items/*.csv", "users.csv"]
