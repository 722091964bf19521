"""The gate's checks on recommended lists: pure decisions on the lists that an evaluation kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from components.evaluator.query_metrics import MODEL
from components.evaluator.query_results import Results
from components.gate.verdict import GateCheck
from trainer.metrics import catalogue_indices, pad_lists
from trainer.metrics.lists import Ids

_FULL = "popularity"  # a baseline that always recommends as many items as there are


def check_lists(results: Results, catalogue: Ids, *, remove_seen: bool) -> Iterator[GateCheck]:
    """Check that the model's lists are full, and hold distinct items of the catalogue.

    Args:
        results: the evaluation of the model.
        catalogue: the ids of all items of the log.
        remove_seen: whether seen items must not be recommended.

    Yields:
        `full_lists`, `known_items`, `distinct_items`, and with `remove_seen` also `no_seen_items`.
    """
    lists = results.lists(MODEL)
    yield check_full(lists, results.lists(_FULL), of=_FULL)
    yield from check_items(lists, catalogue)
    if remove_seen:
        yield check_seen(int((results.values(MODEL, f"repeats@{results.longest}") > 0).sum()))


def check_full(lists: Sequence[Sequence[str]], full: Sequence[Sequence[str]], *, of: str) -> GateCheck:
    """Check that lists are as long as others for the same queries.

    Args:
        lists: a list for each query.
        full: the other lists.
        of: where the other lists come from.

    Returns:
        `full_lists`.
    """
    short = sum(len(own) < len(other) for own, other in zip(lists, full, strict=True))
    measured = f"{short:,} of {len(lists):,} are shorter than those of {of}"
    return GateCheck("full_lists", "lists are full", measured, "none", short == 0)


def check_items(lists: Sequence[Sequence[str]], catalogue: Ids) -> Iterator[GateCheck]:
    """Check that lists hold distinct items of the catalogue.

    Args:
        lists: a list for each query.
        catalogue: the ids of all items of the log.

    Yields:
        `known_items` and `distinct_items`.
    """
    known = (catalogue_indices(pad_lists(lists, max(map(len, lists), default=0)), catalogue) >= 0).sum()
    unknown = sum(map(len, lists)) - int(known)
    title = "recommended items are in the catalogue"
    yield GateCheck("known_items", title, f"{unknown:,} are not", "all", unknown == 0)
    repeated = sum(len(items) - len(set(items)) for items in lists)
    title = "items appear once in a list"
    yield GateCheck("distinct_items", title, f"{repeated:,} are repeated", "none", repeated == 0)


def check_seen(lists: int) -> GateCheck:
    """Check that no list contains an item that its user has seen.

    Args:
        lists: the number of lists that do.

    Returns:
        `no_seen_items`.
    """
    measured = f"{lists:,} lists contain seen items"
    return GateCheck("no_seen_items", "seen items are not recommended", measured, "none", lists == 0)


def check_personalization(lists: Sequence[Sequence[str]], seen: Sequence[Collection[str]]) -> GateCheck:
    """Check that the lists are not one constant ranking without each user's seen items.

    Args:
        lists: a list for each query, best item first.
        seen: for each query, the items that are removed because the user has seen them.

    Returns:
        `personalized_lists`.
    """
    constant = is_constant_ranking(lists, seen)
    return GateCheck(
        "personalized_lists",
        "lists differ between users",
        f"{'one' if constant else 'no'} constant ranking without seen items gives all {len(lists):,} lists",
        "no constant ranking",
        not constant,
    )


def is_constant_ranking(lists: Sequence[Sequence[str]], seen: Sequence[Collection[str]]) -> bool:
    """Return whether there is a ranking of all items that starts with each list, once seen items are removed.

    The ranking is built from its beginning. An item can come next if each unfinished list either continues with it,
    or lacks it because it is seen. If several items can come next, any of them may be taken, because the others can
    still follow. So the search finds a ranking if there is one.

    Args:
        lists: a list for each query, best item first.
        seen: for each query, the items that are removed.

    Returns:
        Whether such a ranking exists.

    Example:
        >>> is_constant_ranking([["a", "c"], ["b", "c"]], seen=[{"b"}, {"a"}])  # a, b, c
        True
        >>> is_constant_ranking([["a", "b"], ["b", "a"]], seen=[set(), set()])
        False
    """
    removed = [set(items).difference(own) for items, own in zip(seen, lists, strict=True)]
    continued_by: dict[str, list[int]] = defaultdict(list)  # item -> the lists that continue with it
    lacked_by: Counter[str] = Counter()  # item -> the number of unfinished lists that lack it because it is seen
    for row, items in enumerate(lists):
        if items:
            continued_by[items[0]].append(row)
            lacked_by.update(removed[row])
    position, unfinished = [0] * len(lists), sum(map(bool, lists))
    while unfinished:
        item = next((item for item, rows in continued_by.items() if len(rows) + lacked_by[item] == unfinished), None)
        if item is None:
            return False
        for row in continued_by.pop(item):
            position[row] += 1
            if position[row] < len(lists[row]):
                continued_by[lists[row][position[row]]].append(row)
            else:
                unfinished -= 1
                lacked_by.subtract(removed[row])
    return True
