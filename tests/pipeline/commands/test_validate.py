"""`temporec validate` with a log on an object store."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.common.stores import write_bytes
from pipeline.commands.evaluate import validate_log
from schemas.errors import InputError
from schemas.loading import load_config
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
    assert validate_log(load_config(config))["rows_read"] == 10 * LENGTH


def test_validate_names_the_bucket_of_google_that_does_not_exist(tmp_path: Path) -> None:
    config = tmp_path / "planted.yaml"
    config.write_text(DATA.format(log="gs://absent/log.csv"))
    with pytest.raises(InputError, match="create the bucket absent"):
        validate_log(load_config(config))
