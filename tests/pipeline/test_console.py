"""What a person sees, of logs whose texts look like something else."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from components.comparison import compare
from pipeline.compare import tables
from pipeline.console import answer_table, recommendation_table, verdict_lines
from tests.components.evaluated import results

MARKUP = "Alien [/b] [director's cut]"


def shown(what: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=200).print(what)
    return file.getvalue()


@pytest.mark.parametrize(
    "what",
    [
        recommendation_table(MARKUP, ["a"], [("b", 1.0)]),
        recommendation_table("u", [MARKUP], [("b", 1.0)]),
        recommendation_table("u", ["a"], [(MARKUP, 1.0)]),
        answer_table([MARKUP], [1.0], False, {}),
        answer_table(["a"], [1.0], False, {"a": MARKUP}),
    ],
)
def test_a_text_of_the_log_is_shown_as_it_stands_there(what: RenderableType) -> None:
    assert MARKUP in shown(what)


def test_a_group_s_name_is_shown_as_it_stands_there() -> None:
    check = {"name": f"no loss in genres {MARKUP}", "measured": "-1", "required": "0", "passed": False}
    lines = verdict_lines({"gate": {"blessed": False, "checks": [check]}, "pushed": None})
    assert MARKUP in "".join(map(shown, lines))

    of_many = results(
        {"model": {"recall@10": [1.0] * 30}},
        groups={"genre": [[MARKUP]] * 30},
        users=[f"{MARKUP} {n}" for n in range(30)],
    )
    text = "".join(map(shown, tables(compare(of_many, of_many, "recall@10", 10), "recall@10", 10)))
    assert f"genre {MARKUP}" in text
    assert f"{MARKUP} 0" in text
