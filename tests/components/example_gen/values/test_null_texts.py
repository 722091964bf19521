import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.values.null_texts import with_nulls

TEXTS = st.lists(st.tuples(st.none() | st.text(), st.booleans()))


@given(TEXTS, st.integers(0, 3))
def test_texts_are_null_where_they_are_missing_and_else_the_same(
    rows: list[tuple[str | None, bool]], skip: int
) -> None:
    texts, missing = pa.array([text for text, _ in rows], pa.string()), pa.array([gone for _, gone in rows], pa.bool_())
    found = with_nulls(texts.slice(skip), missing.slice(skip))
    found.validate(full=True)
    assert found.to_pylist() == [None if gone else text for text, gone in rows[skip:]]
