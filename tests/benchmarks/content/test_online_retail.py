"""The log and the table of items of the invoices, on lines that a reader can count."""

from __future__ import annotations

import pandas as pd

from benchmarks.content.online_retail import CONFIG, descriptions, purchases
from schemas.loading import load_config

COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]


def lines(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Return invoices of (user, product, description, quantity)."""
    moment = "2011-01-01 00:01:40"
    full = [("1", item, text, amount, moment, "1.0", user, "France") for user, item, text, amount in rows]
    return pd.DataFrame(full, columns=COLUMNS)


def test_log_has_the_purchases_of_products_with_five_interactions_of_users_and_items() -> None:
    bought = [(user, f"1000{item}", "CUP", "2") for user in "abcde" for item in range(5)]
    others = [
        ("a", "10000", "CUP", "-1"),  # a return
        ("", "10000", "CUP", "1"),
        ("b", "POST", "POSTAGE", "1"),  # no product
        ("f", "10000", "CUP", "1"),  # of a user with one purchase
        ("a", "10009", "RARE", "1"),
    ]

    found = purchases(lines(*bought, *others), load_config(CONFIG))

    assert list(zip(found["user"], found["item"], strict=True)) == [(user, item) for user, item, *_ in bought]
    assert set(found["time"]) == {1_293_840_100}  # 100 s after the start of 2011


def test_product_has_the_description_of_most_of_its_lines() -> None:
    given = [("a", "1", " CUP ", "1"), ("a", "1", "DAMAGED", "1"), ("b", "1", "CUP", "1"), ("b", "2", "", "1")]
    given += [("a", "3", "LAMP", "1"), ("a", "3", "BLUE LAMP", "1")]

    found = descriptions(lines(*given))

    assert found.to_numpy().tolist() == [["1", "CUP"], ["3", "BLUE LAMP"]]
