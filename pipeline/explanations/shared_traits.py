"""The categories and the words of titles that two items share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

CATEGORIES, WORDS = 3, 2  # the most that are shown of each
_COMMON_CATEGORY = 0.5  # a category of more items than this fraction says nothing
_COMMON_WORD = 0.01  # a word in more titles than this fraction says nothing, except for a word in two titles

Traits = Mapping[str, Collection[str]]  # by item id


class SharedTraits(NamedTuple):
    """What two items share.

    Args:
        categories: categories, the rarest first.
        words: words of both titles, the rarest first.
    """

    categories: list[str]
    words: list[str]


class TraitsOfItems:
    """The categories and the words of all items.

    Args:
        categories: the categories of each item that has any.
        words: the words of each title.

    Example:
        >>> genres = {"a": ["Horror", "Sci-Fi"], "b": ["Sci-Fi"], "c": ["Drama"], "d": ["Drama"]}
        >>> words = {"a": ["alien"], "b": ["alien", "2"], "c": ["rain"], "d": ["rain", "man"]}
        >>> TraitsOfItems(genres, words).shared("a", "b")
        SharedTraits(categories=['Sci-Fi'], words=['alien'])
    """

    def __init__(self, categories: Traits, words: Traits) -> None:
        self._categories = categories
        self._words = words
        self._items_of = _count(categories)
        self._titles_with = _count(words)

    def shared(self, first: str, second: str) -> SharedTraits:
        """Return what two items share, without categories and words that too many items have.

        Args:
            first: an item id.
            second: another item id.
        """
        most_items = _COMMON_CATEGORY * len(self._categories)
        most_titles = max(2.0, _COMMON_WORD * len(self._words))
        categories = _rarest(_both(self._categories, first, second), self._items_of, most_items)
        words = {word for word in _both(self._words, first, second) if not word.isnumeric()}
        return SharedTraits(categories[:CATEGORIES], _rarest(words, self._titles_with, most_titles)[:WORDS])


def _count(traits: Traits) -> Counter[str]:
    """Return the number of items with each trait."""
    return Counter(trait for each in traits.values() for trait in set(each))


def _both(traits: Traits, first: str, second: str) -> set[str]:
    return set(traits.get(first, ())) & set(traits.get(second, ()))


def _rarest(shared: Collection[str], counts: Mapping[str, int], most: float) -> list[str]:
    return sorted((trait for trait in shared if counts[trait] <= most), key=lambda trait: (counts[trait], trait))
