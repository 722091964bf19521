from benchmarks.refit.run import without_last
from tests.components.examples import example
from tests.components.history_example import from_example


def test_without_last_shortens_the_last_window_of_each_user() -> None:
    records = [
        example("abc", [1, 2, 3], user="u", further={"price": [1.0, 2.0, 3.0]}),
        example("cde", [3, 4, 5], user="u", further={"price": [3.0, 4.0, 5.0]}),
        example("xy", [1, 2], user="v", further={"price": [7.0, 8.0]}),  # nothing to predict is left
    ]
    first, second = map(from_example, without_last(records))
    assert first == from_example(records[0])
    assert (second.item_ids, second.target_ids) == (["c"], ["d"])
    assert (second.timestamps_s, second.target_timestamp_s) == ([3], 4)
    assert (second.further, second.target_further) == ({"price": [3.0]}, {"price": 4.0})
