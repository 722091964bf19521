"""The pure checks of a model with added items, and the requests that they draw."""

from __future__ import annotations

import numpy as np
import pytest

from components.evaluator.queries import read_queries
from components.gate.added_items_checks import check_former_scores, check_vectors, draw_requests
from components.gate.export_checks import Answers

KNOWN = np.array([f"i{number}" for number in range(40)], dtype=object)


def answers(items: list[list[str]], scores: list[list[float]]) -> Answers:
    return Answers(np.array(items, dtype=object), np.array(scores, np.float32))


@pytest.mark.parametrize(
    ("items", "scores", "passed"),
    [
        ([["a", "b"]], [[2.0, 1.0]], True),
        ([["new", "a"]], [[9.0, 2.0]], True),
        ([["a", "b"]], [[2.00001, 1.0]], True),
        ([["a", "b"]], [[2.0, 1.001]], False),
        ([["a", "b"]], [[2.0, np.nan]], False),
        ([["b", "a"]], [[2.0, 1.0]], False),
        ([["new", "other"]], [[2.0, 1.0]], False),  # nothing to compare
        ([["a", ""]], [[2.0, 7.0]], True),
    ],
)
def test_former_scores_are_compared_by_item(items: list[list[str]], scores: list[list[float]], passed: bool) -> None:
    former = answers([["a", "b"]], [[2.0, 1.0]])
    assert check_former_scores(answers(items, scores), former).passed == passed


@pytest.mark.parametrize(("other", "added", "passed"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_every_vector_must_be_the_expected_one(other: int, added: int, passed: bool) -> None:
    assert check_vectors(other, added).passed == passed


@pytest.mark.parametrize(("items", "max_length", "longest"), [(40, 6, 6), (40, 50, 10), (3, 50, 1)])
def test_requests_have_histories_of_distinct_items_and_some_end_with_a_new_one(
    items: int, max_length: int, longest: int
) -> None:
    known = KNOWN[:items]

    found = read_queries(draw_requests(known, ["new", "newer"], max_length))

    assert len(found) == 256
    assert max(map(len, found.histories)) == longest
    assert all(
        len({*history, *target}) == len(history) + 1
        for history, target in zip(found.histories, found.targets, strict=True)
    )
    assert {history[-1] for history in found.histories[:64]} == {"new", "newer"}
    rest = {item for history in [*found.histories[64:], *found.targets] for item in history}
    assert rest == {*known}
    again = read_queries(draw_requests(known, ["new", "newer"], max_length))
    assert (again.histories, again.targets) == (found.histories, found.targets)
