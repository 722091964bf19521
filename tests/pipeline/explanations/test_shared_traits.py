from __future__ import annotations

from pipeline.explanations.shared_traits import TraitsOfItems


def of_numbers(rarity: int) -> dict[str, list[str]]:
    """Return the words of 400 titles: `often` is in every one of them, `rare` in the first `rarity`."""
    return {f"i{place}": ["often", *(["rare"] if place < rarity else [])] for place in range(400)}


def test_rarest_categories_come_first_and_three_are_shown() -> None:
    # The first item and the second share a to e, which 6, 5, 4, 3 and 2 of ten items have.
    counts = {"a": 6, "b": 5, "c": 4, "d": 3, "e": 2}
    categories = {f"i{place}": [name for name, count in counts.items() if place < count] for place in range(10)}
    assert TraitsOfItems(categories, {}).shared("i0", "i1").categories == ["e", "d", "c"]


def test_category_of_half_of_the_items_is_shown_and_of_more_is_not() -> None:
    half = {"i0": ["a"], "i1": ["a"], "i2": ["b"], "i3": ["c"]}
    assert TraitsOfItems(half, {}).shared("i0", "i1").categories == ["a"]
    assert TraitsOfItems({**half, "i3": ["a"]}, {}).shared("i0", "i1").categories == []


def test_word_of_more_than_one_percent_of_the_titles_is_not_shown() -> None:
    assert TraitsOfItems({}, of_numbers(4)).shared("i0", "i1").words == ["rare"]
    assert TraitsOfItems({}, of_numbers(5)).shared("i0", "i1").words == []


def test_word_of_two_titles_is_shown_in_a_small_catalogue() -> None:
    words = {"i0": ["alien", "3"], "i1": ["alien", "3"], "i2": ["up"]}
    assert TraitsOfItems({}, words).shared("i0", "i1").words == ["alien"]  # and not the number


def test_items_without_traits_share_nothing() -> None:
    assert TraitsOfItems({"i0": ["a"]}, {"i1": ["up"]}).shared("i0", "i1") == ([], [])
