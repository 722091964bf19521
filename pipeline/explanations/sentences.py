"""The sentence that explains a recommendation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.explanations.shared_traits import SharedTraits

NAMED = 3  # the most items of a history that a sentence names
_SHOWN = 0.01  # items with less weight are not named after the first one
NOTHING = "No single interaction of the history raises its score."


def heaviest(history: Sequence[str], weights: Sequence[float]) -> list[tuple[str, float]]:
    """Return the items of a history with the greatest weights.

    Args:
        history: item ids, oldest first. An item may occur more than once; its weights are added.
        weights: the weight of each position, [length].

    Returns:
        Up to `NAMED` items with their weights, the heaviest first; among equal weights the newest first.

    Example:
        >>> heaviest(["a", "b", "a", "c"], [0.25, 0.5, 0.25, 0.0])
        [('a', 0.5), ('b', 0.5)]
    """
    total: dict[str, float] = {}
    for item, weight in zip(reversed(history), reversed(weights), strict=True):
        total[item] = total.get(item, 0.0) + weight
    found = sorted(total.items(), key=lambda each: -each[1])
    return [(item, weight) for item, weight in found if weight > 0][:NAMED]


def explain(item: str, named: Sequence[tuple[str, float]], titles: Mapping[str, str], shared: SharedTraits) -> str:
    """Return the sentence that explains a recommendation.

    Args:
        item: the recommended item.
        named: the items that weighed most, from `heaviest`.
        titles: the title of each named item, by id.
        shared: the categories and words that the recommended and the first named item share.

    Returns:
        One or two sentences.

    Example:
        >>> titles = {"a": "Alien", "b": "Gravity"}
        >>> explain("c", [("a", 0.75), ("b", 0.25)], titles, SharedTraits(["Horror", "Sci-Fi"], []))
        'Because of “Alien” (75%); both are Horror and Sci-Fi. Then “Gravity” (25%).'
    """
    if not named:
        return NOTHING
    first, *others = named
    if first[0] == item:
        sentence = f"Because the history contains it already ({_percent(first[1])})."
    else:
        sentence = f"Because of {_named(first, titles)}{_both(shared)}."
    further = [_named(each, titles) for each in others if each[1] >= _SHOWN]
    return f"{sentence} Then {_listed(further)}." if further else sentence


def _both(shared: SharedTraits) -> str:
    """Return what two items share, as the end of a sentence."""
    categories = f"both are {_listed(shared.categories)}" if shared.categories else ""
    words = f"both titles have {_listed([f'“{word}”' for word in shared.words])}" if shared.words else ""
    parts = ", and ".join(filter(None, [categories, words]))
    return f"; {parts}" if parts else ""


def _named(item: tuple[str, float], titles: Mapping[str, str]) -> str:
    return f"“{titles[item[0]]}” ({_percent(item[1])})"


def _percent(weight: float) -> str:
    return f"{100 * weight:.0f}%"


def _listed(texts: Sequence[str]) -> str:
    """Return texts as a list in a sentence.

    Example:
        >>> _listed(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
