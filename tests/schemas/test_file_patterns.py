import glob
from pathlib import Path

import pytest

from schemas.errors import InputError
from schemas.file_patterns import escape_folder, refuse_wildcards


@pytest.mark.parametrize("name", ["plain", "[2024]", "a[!b]", "a*b", "what?", "[", "]["])
def test_escape_folder_matches_the_files_of_that_folder_only(tmp_path: Path, name: str) -> None:
    for folder in (name, "2", "ab", "aXb", "whatX"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("")

    assert glob.glob(escape_folder(f"{tmp_path}/{name}/*.csv")) == [f"{tmp_path}/{name}/a.csv"]


def test_escape_folder_without_folder_keeps_the_pattern() -> None:
    assert escape_folder("log-[12].csv") == "log-[12].csv"
    assert escape_folder("gs://bucket/a/*") == "gs://bucket/a/*"


@pytest.mark.parametrize("name", ["[2024]", "a*b", "what?"])
def test_refuse_wildcards_names_the_folder_and_the_remedy(name: str) -> None:
    with pytest.raises(InputError, match="for the evaluation") as refusal:
        refuse_wildcards(f"/runs/{name}/out", "the evaluation")

    assert name in refusal.value.received
    assert "TMPDIR" in refusal.value.remedy
    refuse_wildcards("/runs/shop 2024, (new)", "the evaluation")
