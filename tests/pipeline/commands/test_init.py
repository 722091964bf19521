"""`temporec init` writes a configuration that `temporec validate` accepts."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from components.example_gen.preflight import check_log
from pipeline.commands.datasets import fetch
from pipeline.commands.evaluate import validate_log
from pipeline.commands.init import config_name, init_config
from schemas.config import Config
from schemas.config.log import DataConfig
from schemas.errors import InputError
from schemas.loading import load_config
from tests.e2e.command import attempt, temporec

REPOSITORY = Path(__file__).parents[3]
SHARED = REPOSITORY.parent / "shared" / "data"
START_S = 1_600_000_000
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")


def write_shop(path: Path, users: int = 9) -> Path:
    """Write orders of some users, 12 each, in a file with cautious quoting and an odd name."""
    header = "customer;sku;ordered at;shop: no\n"
    rows = (
        f"'c{user}';p{(user + step) % 15};{step % 28 + 1:02}.05.2024 10:{user:02};{user % 3}\n"
        for step in range(12)
        for user in range(users)
    )
    path.write_text(header + "".join(rows))
    return path


def test_written_configuration_loads_and_its_log_is_valid(tmp_path: Path) -> None:
    log = write_shop(tmp_path / "shop [1].csv")
    path, guess = init_config(str(log), tmp_path / "shop.yaml")
    loaded = load_config(path)
    assert loaded.data == DataConfig.model_validate(guess.data.model_dump())
    counts = validate_log(loaded).interactions
    assert (counts.rows_read, counts.rows_accepted, counts.users, counts.items) == (108, 108, 9, 15)


def test_each_guess_has_a_comment(tmp_path: Path) -> None:
    path, _ = init_config(str(write_shop(tmp_path / "shop.csv")), tmp_path / "shop.yaml")
    lines = path.read_text().splitlines()
    settings = [index for index, line in enumerate(lines) if re.match(r" +(?!columns|path)\w+: \S", line)]
    assert len(settings) == 7
    assert all(lines[index - 1].lstrip().startswith("# ") for index in settings)


def test_suggested_columns_are_valid_without_their_marks(tmp_path: Path) -> None:
    path, guess = init_config(str(write_shop(tmp_path / "shop.csv")), tmp_path / "shop.yaml")
    text = re.sub(r"^    # (context:|  \w+: \{)", r"    \1", path.read_text(), flags=re.M)
    loaded = Config.model_validate(yaml.safe_load(text))
    assert [each.name for each in guess.further] == ["shop_no"]
    assert loaded.data.columns.context["shop_no"].column == "shop: no"


def test_existing_output_is_kept(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("mine\n")
    with pytest.raises(InputError, match="another file in --output"):
        init_config(str(write_shop(tmp_path / "shop.csv")), tmp_path / "shop.yaml")
    assert (tmp_path / "shop.yaml").read_text() == "mine\n"


def test_output_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder that exists"):
        init_config(str(write_shop(tmp_path / "shop.csv")), tmp_path / "none" / "shop.yaml")


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("orders 2024/*.csv.gz", "orders-2024"),
        ("s3://bucket/clicks/dt=2026-11-*/part-?.parquet", "clicks"),
        ("./Äpfel & Birnen.csv", "pfel-birnen"),
        ("*.csv", "my-log"),
        ("x" * 80, "x" * 63),
    ],
)
def test_name_is_that_of_the_file_or_its_folder(log: str, name: str) -> None:
    assert config_name(log) == name


def test_command_names_the_next_one_and_refuses_with_2(tmp_path: Path) -> None:
    write_shop(tmp_path / "shop.csv")
    printed = temporec("init", "shop.csv", cwd=tmp_path)
    assert "temporec validate --config shop.yaml" in printed
    ran = attempt("init", "shop.csv", cwd=tmp_path)
    assert ran.returncode == 2
    assert "not overwritten" in ran.stderr
    assert "Traceback" not in ran.stderr


@needs_shared
@pytest.mark.parametrize(
    ("log", "columns", "timestamp"),
    [
        ("ml-1m/interactions.csv.gz", ("user_id", "item_id", "timestamp"), {"order"}),
        ("toys/interactions.csv.gz", ("user_id", "item_id", "timestamp"), {"order"}),
        (
            "online-retail/invoices.csv.gz",
            ("CustomerID", "StockCode", "InvoiceDate"),
            {"%Y-%m-%d %H:%M:%S", "iso8601"},
        ),
    ],
)
def test_real_log_is_guessed_right(
    log: str, columns: tuple[str, str, str], timestamp: set[str], tmp_path: Path
) -> None:
    path, _ = init_config(str(SHARED / log), tmp_path / "log.yaml")
    data = load_config(path).data
    assert (data.columns.user, data.columns.item, data.columns.timestamp) == columns
    assert {data.timestamp.unit or data.timestamp.format} <= timestamp
    assert check_log(data).accepted > 0
    if "online-retail" in log:
        assert data.null_values == ("", "0.0")
        assert data.max_rejected_share > 0.26  # 135,080 of 531,282 lines have no customer


def test_movielens_is_guessed_right(tmp_path: Path) -> None:
    interactions, items, users = fetch("movielens-100k", tmp_path)
    data = load_config(init_config(str(interactions), tmp_path / "log.yaml")[0]).data
    expected = load_config(REPOSITORY / "pipeline" / "configs" / "movielens-100k.yaml").data
    assert (data.delimiter, data.timestamp, data.columns.user, data.columns.item, data.columns.timestamp) == (
        expected.delimiter,
        expected.timestamp,
        expected.columns.user,
        expected.columns.item,
        expected.columns.timestamp,
    )
    assert data.columns.value == "rating:float"
    for table, hint in ((items, "a table of items"), (users, "a table of users")):
        with pytest.raises(InputError, match=hint):
            init_config(str(table), tmp_path / "none.yaml")


@needs_shared
@pytest.mark.parametrize(("table", "hint"), [("ml-1m/items.csv.gz", "a table of items"), ("news/news.tsv.gz", "time")])
def test_real_table_is_refused(table: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=hint):
        init_config(str(SHARED / table), tmp_path / "none.yaml")


@needs_shared
def test_impressions_are_refused_with_a_command_that_makes_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviors = SHARED / "news" / "behaviors.tsv.gz"
    with pytest.raises(InputError) as refusal:
        init_config(str(behaviors), tmp_path / "none.yaml")
    command = refusal.value.remedy.partition("like: ")[2]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path, executable="/bin/bash")
    with gzip.open(behaviors, "rt", encoding="utf-8") as file:
        clicks = sum(line.rstrip("\n").split("\t")[4].count("-1") for line in file)

    monkeypatch.chdir(tmp_path)
    path, _ = init_config("log.tsv")

    assert len((tmp_path / "log.tsv").read_text().splitlines()) == clicks
    counts = validate_log(load_config(path)).interactions
    assert counts.rows_accepted == clicks
