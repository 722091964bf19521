"""Write the purchases of UCI Online Retail and the descriptions of its products as a log and a table of items.

    .venv/bin/python -m benchmarks.content.online_retail --invoices invoices.csv.gz --to runs/online-retail

The filters are those of `benchmarks/online-retail.yaml`. A product has the description that most of its lines have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from schemas.config import Config
from schemas.loading import load_config

CONFIG = Path(__file__).parents[1] / "online-retail.yaml"


def main(
    invoices: Annotated[Path, typer.Option(help="file of UCI's invoices")],
    to: Annotated[Path, typer.Option(help="folder for `log.csv` and `items.csv`")],
) -> None:
    """Write both files."""
    lines = pd.read_csv(invoices, dtype=str, keep_default_na=False)
    to.mkdir(parents=True, exist_ok=True)
    purchases(lines, load_config(CONFIG)).to_csv(to / "log.csv", index=False)
    descriptions(lines).to_csv(to / "items.csv", index=False)


def purchases(lines: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the lines that the filters of the configuration keep, as `user`, `item` and `time` in seconds since 1970.

    Args:
        lines: the lines of all invoices, as strings.
        config: the columns, the filters, and the least interactions of users and items.
    """
    data = config.data
    kept = ~lines[data.columns.user].isin(data.null_values)
    for each in data.filters:
        if each.above is not None:
            kept &= lines[each.column].astype(float) > each.above
        if each.matches is not None:
            kept &= lines[each.column].str.fullmatch(each.matches)
    times = pd.to_datetime(lines[data.columns.timestamp], format=data.timestamp.format)
    log = pd.DataFrame(
        {
            "user": lines[data.columns.user],
            "item": lines[data.columns.item],
            "time": (times - pd.Timestamp(0)) // pd.Timedelta(seconds=1),
        }
    )[kept]
    before = -1
    while before != len(log):  # a user who is left out takes interactions of items along
        before = len(log)
        log = log[log.groupby("item")["user"].transform("size") >= data.min_item_interactions]
        log = log[log.groupby("user")["item"].transform("size") >= data.min_user_interactions]
    return log


def descriptions(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the most frequent description of each product, of equally frequent ones the first in the alphabet.

    Args:
        lines: the lines of all invoices, as strings.
    """
    given = pd.DataFrame({"item": lines["StockCode"], "description": lines["Description"].str.strip()})
    given = given[given["description"] != ""]
    counts = given.groupby(["item", "description"]).size().reset_index(name="lines")
    order = counts.sort_values(["item", "lines", "description"], ascending=[True, False, True])
    return order.drop_duplicates("item")[["item", "description"]]


if __name__ == "__main__":
    typer.run(main)
