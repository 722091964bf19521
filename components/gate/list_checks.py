"""The gate's checks on what a model recommended: pure decisions on the lists that an evaluation kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import Results, catalogue_indices
from components.gate.metric_checks import GateCheck
from trainer.metrics.lists import Ids

_FULL = "popularity"  # a baseline whose lists are as long as can be


def check_lists(results: Results, catalogue: Ids, *, remove_seen: bool) -> Iterator[GateCheck]:
    """Whether the lists of the model are lists of items of the log, of full length.

    Args:
        results: what the evaluation kept.
        catalogue: every item of the log.
        remove_seen: whether nothing seen may be recommended.
    """
    lists = results.lists(MODEL)
    short = sum(len(own) < len(full) for own, full in zip(lists, results.lists(_FULL), strict=True))
    yield GateCheck(
        "lists are full", f"{short:,} of {len(lists):,} are shorter than those of {_FULL}", "none", short == 0
    )
    known = (catalogue_indices(lists, catalogue, max(map(len, lists), default=0)) >= 0).sum()
    outside = sum(map(len, lists)) - int(known)
    yield GateCheck("all recommended items are of the log", f"{outside:,} are not", "none", outside == 0)
    twice = sum(len(items) - len(set(items)) for items in lists)
    yield GateCheck("no item stands in a list twice", f"{twice:,} do", "none", twice == 0)
    if remove_seen:
        shares = results.values(MODEL, f"repeats@{results.longest}")
        seen = int((shares > 0).sum())
        yield GateCheck("nothing seen is recommended", f"in {seen:,} lists it is", "in none", seen == 0)


def check_orders(lists: Sequence[Sequence[str]], seen: Sequence[Collection[str]]) -> GateCheck:
    """Whether the lists are more than one list for all, from which each user's seen items are left out.

    Args:
        lists: of each query, best first.
        seen: of each query, the items that are left out for that.
    """
    one = are_of_one_order(lists, seen)
    return GateCheck(
        "lists differ between users",
        f"{'one' if one else 'no one'} order of the items gives all of {len(lists):,}, seen ones left out",
        "no one order does",
        not one,
    )


def are_of_one_order(lists: Sequence[Sequence[str]], seen: Sequence[Collection[str]]) -> bool:
    """Whether one order of the items gives each list as its first items, those left out that are seen.

    The order is built from its beginning. An item may come next where each list that is not at its end goes on with
    it, or leaves it out because it is seen. Whichever of such items is taken, the others may still come after it, so
    the order is found if there is one.
    """
    left_out = [set(items).difference(own) for items, own in zip(seen, lists, strict=True)]
    going_on: dict[str, list[int]] = defaultdict(list)  # by item, the lists that go on with it
    leaving_out: Counter[str] = Counter()  # by item, how many of the lists not at their end leave it out
    for row, items in enumerate(lists):
        if items:
            going_on[items[0]].append(row)
            leaving_out.update(left_out[row])
    position, unfinished = [0] * len(lists), sum(map(bool, lists))
    while unfinished:
        item = next((item for item, rows in going_on.items() if len(rows) + leaving_out[item] == unfinished), None)
        if item is None:
            return False
        for row in going_on.pop(item):
            position[row] += 1
            if position[row] < len(lists[row]):
                going_on[lists[row][position[row]]].append(row)
            else:
                unfinished -= 1
                leaving_out.subtract(left_out[row])
    return True
