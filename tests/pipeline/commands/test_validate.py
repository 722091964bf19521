"""`temporec validate` with a log on an object store."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.common.stores import delete_files, write_bytes
from components.example_gen.listing import log_locations, unchanged_files
from pipeline.commands.evaluate import validate_log
from schemas.errors import InputError
from schemas.loading import load_config
from tests.components.logs import data
from tests.e2e.planted import DATA, LENGTH, write_log
from tests.google_store import GOOGLE_BUCKET, google_store
from tests.object_store import BUCKET, object_store


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with object_store(tmp_path_factory.mktemp("store")), google_store(tmp_path_factory.mktemp("google")):
        yield


@pytest.mark.parametrize("bucket", [f"s3://{BUCKET}", f"gs://{GOOGLE_BUCKET}"], ids=["s3", "gs"])
def test_validate_counts_the_rows_of_a_log_on_a_store(bucket: str, tmp_path: Path) -> None:
    write_log(tmp_path / "log.csv", users=10)
    write_bytes(f"{bucket}/log/2026.csv.gz", gzip.compress((tmp_path / "log.csv").read_bytes()))
    config = tmp_path / "planted.yaml"
    config.write_text(DATA.format(log=f"{bucket}/log/*.csv.gz"))
    assert validate_log(load_config(config)).interactions.rows_read == 10 * LENGTH


@pytest.mark.parametrize("bucket", [f"s3://{BUCKET}", f"gs://{GOOGLE_BUCKET}"], ids=["s3", "gs"])
def test_object_that_changes_or_vanishes_while_the_log_is_read_is_named(bucket: str) -> None:
    settings = data(f"{bucket}/spans/{{SPAN}}.csv")
    for number in (1, 2):
        write_bytes(f"{bucket}/spans/{number}.csv", b"user,item,time\n")
    with unchanged_files(log_locations(settings)) as listing:
        write_bytes(f"{bucket}/spans/3.csv", b"user,item,time\n")
    assert [file.path for file in listing.files] == [f"{bucket}/spans/2.csv"]
    with pytest.raises(InputError, match=r"spans/3\.csv has changed"), unchanged_files(log_locations(settings)):
        write_bytes(f"{bucket}/spans/3.csv", b"user,item,tame\n")
    with pytest.raises(InputError, match=r"spans/3\.csv has vanished"), unchanged_files(log_locations(settings)):
        delete_files([f"{bucket}/spans/3.csv"])


def test_validate_names_the_bucket_of_google_that_does_not_exist(tmp_path: Path) -> None:
    config = tmp_path / "planted.yaml"
    config.write_text(DATA.format(log="gs://absent/log.csv"))
    with pytest.raises(InputError, match="create the bucket absent"):
        validate_log(load_config(config))
