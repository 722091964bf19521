"""Logs of a shop with a known population, which a test changes in one way.

A user has a number of visits, favourite items and a favourite time of day of their own, so that the interactions of a
user are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.data_validator.features import LogCounts
from components.example_gen.counts.interaction_counts import count_interactions, merge_counts
from components.example_gen.interactions.timelines import build_timelines
from schemas.config.log import DataConfig
from schemas.interaction import interaction_schema
from tests.components.logs import DAY_S, START_S, data

ITEMS, DAYS = 40, 14
EVENTS = ("view", "cart", "buy")


@dataclass(frozen=True)
class Rows:
    """The columns of a log."""

    users: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    events: npt.NDArray[np.int64]

    def where(self, keep: npt.NDArray[np.bool_]) -> Rows:
        return Rows(self.users[keep], self.items[keep], self.times[keep], self.events[keep])


def draw_rows(users: int, seed: int) -> Rows:
    """Return the rows of new users of the population."""
    draw = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, ITEMS + 1)
    lengths = np.minimum(draw.lognormal(2.3, 0.8, users).astype(int) + 2, 200)
    tastes = draw.dirichlet(10 * popularity, users)
    buys = draw.beta(2, 14, users)  # an eighth on average
    hours = np.clip(draw.normal(19, 2, users), 0, 23)
    owners = np.repeat(np.arange(users), lengths)
    items = (draw.random(len(owners))[:, None] > tastes.cumsum(axis=1)[owners]).sum(axis=1).clip(max=ITEMS - 1)
    events = np.where(draw.random(len(owners)) < buys[owners], 2, draw.random(len(owners)) < 0.3)
    days = draw.integers(0, DAYS, len(owners))
    seconds = (np.clip(draw.normal(hours[owners], 1.5), 0, 23.99) * 3600).astype(int)
    return Rows(owners, items, START_S - START_S % DAY_S + days * DAY_S + seconds, events)


def settings() -> DataConfig:
    return data(further={"event": "event"})


def counted(rows: Rows) -> LogCounts:
    """Return the counts of a log."""
    config = settings()
    schema = interaction_schema(config.features)
    columns = [
        pa.array([f"u{user}" for user in rows.users.tolist()]),
        pa.array([f"i{item}" for item in range(ITEMS)]).take(pa.array(rows.items)),
        pa.array(rows.times.astype(float)),
        pa.array(["log.csv"]).take(pa.array(np.zeros(len(rows.users), int))),
        pa.array(np.arange(len(rows.users))),
        pa.array(EVENTS).take(pa.array(rows.events)),
    ]
    timelines = build_timelines([pa.RecordBatch.from_arrays(columns, schema=schema)], schema)
    return LogCounts.of(merge_counts([count_interactions(timelines, config)]))


def with_doubled_category(rows: Rows, seed: int) -> Rows:
    """Every eighth view becomes a purchase, on top of the eighth of all rows that are purchases."""
    draw = np.random.default_rng(seed)
    share = (rows.events == 2).mean() / (rows.events != 2).mean()
    return replace(rows, events=np.where((rows.events != 2) & (draw.random(len(rows.events)) < share), 2, rows.events))


def with_other_time_zone(rows: Rows, seed: int) -> Rows:
    return replace(rows, times=rows.times - 5 * 3600)


def without_a_day(rows: Rows, seed: int) -> Rows:
    days = (rows.times - rows.times.min()) // DAY_S
    return rows.where(days != 1 + seed % (DAYS - 2))


def with_bot(rows: Rows, seed: int) -> Rows:
    """One more user has every item many times, a tenth of all rows."""
    draw = np.random.default_rng(seed)
    count = len(rows.users) // 9
    return Rows(
        np.append(rows.users, np.full(count, rows.users.max() + 1)),
        np.append(rows.items, draw.integers(0, ITEMS, count)),
        np.append(rows.times, draw.choice(rows.times, count)),
        np.append(rows.events, np.zeros(count, int)),
    )
