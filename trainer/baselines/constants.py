"""Constants of counting, shared by the baselines, their Beam pipeline and the re-ranker's co-occurrence tables."""

from __future__ import annotations

import numpy as np

DISTANCES = (1, 2, 3)  # between the two items of a counted transition
DISTANCE_WEIGHTS = 1.0 / np.array(DISTANCES)  # of transitions, and of the last items of a history, newest first
KNN_RECENCY_WEIGHTS = np.power(0.9, np.arange(30))  # of the last items of a history in item-kNN, newest first

# The re-ranker keeps more neighbours of an item than the baseline. It scores only the candidates of one list.
NEIGHBOUR_ITEMS = 100  # of an item, in the baseline `item_knn`
MAX_NEIGHBOURS = 200  # of an item, in each of the re-ranker's co-occurrence tables

RECENT_SESSIONS = 5_000  # the most recent ones that share an item with a history; its neighbours are among them
NEIGHBOUR_SESSIONS = 100  # of a history, in the baseline `session_knn`

ITEMS_FILE = "items.parquet"  # the file of what is counted for each item, see `components.baselines.tables`
