"""The gate's checks on what a model recommended: pure decisions on the lists that an evaluation kept."""

from __future__ import annotations

from collections.abc import Iterator

from components.checks import Check
from components.measures import MODEL
from components.results import Results, places
from trainer.lists import Ids

_FULL = "popularity"  # a baseline whose lists are as long as can be


def check_lists(results: Results, catalogue: Ids, *, remove_seen: bool) -> Iterator[Check]:
    """Whether the lists of the model are lists of items of the log, of full length, and not one list for all.

    Args:
        results: what the evaluation kept.
        catalogue: every item of the log.
        remove_seen: whether nothing seen may be recommended.
    """
    lists = results.lists(MODEL)
    different = len(set(map(tuple, lists)))
    yield Check(
        "lists differ between users", f"{different:,} different ones of {len(lists):,}", "more than one", different > 1
    )
    short = sum(len(own) < len(full) for own, full in zip(lists, results.lists(_FULL), strict=True))
    yield Check("lists are full", f"{short:,} of {len(lists):,} are shorter than those of {_FULL}", "none", short == 0)
    known = (places(lists, catalogue, max(map(len, lists), default=0)) >= 0).sum()
    outside = sum(map(len, lists)) - int(known)
    yield Check("all recommended items are of the log", f"{outside:,} are not", "none", outside == 0)
    twice = sum(len(items) - len(set(items)) for items in lists)
    yield Check("no item stands in a list twice", f"{twice:,} do", "none", twice == 0)
    if remove_seen:
        shares = results.values(MODEL, f"repeats@{results.longest}")
        seen = int((shares > 0).sum())
        yield Check("nothing seen is recommended", f"in {seen:,} lists it is", "in none", seen == 0)
