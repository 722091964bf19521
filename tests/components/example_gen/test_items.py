from collections import Counter
from pathlib import Path

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

from components.example_gen.side_tables import DescribeItems
from components.example_gen.timelines import Timeline
from schemas.config.log import ItemsTableConfig
from tests.components.logs import data, local_pipeline


def test_timelines_gain_what_the_table_knows_and_what_it_lacks_is_counted(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("id,title,kind,price\na,A,book,1.5\nb,B,,\nc,C,film,NULL\n")
    columns = {"kind": {"column": "kind"}, "price": {"column": "price", "kind": "number"}}
    items = ItemsTableConfig.model_validate(
        {"path": f"{tmp_path}/items.csv", "id": "id", "title": "title", "columns": columns}
    )
    line = Timeline("u", ["a", "x", "a", "c"], [1.0, 2.0, 3.0, 4.0], {"event": ["buy", "", "buy", ""]})

    with local_pipeline() as pipeline:
        described = pipeline | beam.Create([line]) | DescribeItems(data(items=items, null_values=("", "NULL")))
        known = described.timelines | beam.Map(
            lambda line: {name: list(map(str, x)) for name, x in line.further.items()}
        )
        assert_that(
            known,
            equal_to(
                [
                    {
                        "event": ["buy", "", "buy", ""],
                        "kind": ["book", "", "book", "film"],
                        "price": ["1.5", "nan", "1.5", "nan"],
                    }
                ]
            ),
        )
        assert_that(described.counts, equal_to([Counter(not_in_table=1)]), label="counts")
