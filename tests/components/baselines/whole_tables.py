"""Tables written at once, each as one block."""

from __future__ import annotations

from components.baselines.batch_counts import NEIGHBOURS, TRANSITIONS
from components.baselines.session_index import session
from components.baselines.tables import write_block, write_items, write_sessions
from trainer.baselines.tables import Tables


def write_tables(tables: Tables, folder: str, scratch: str) -> None:
    """Write the files as the workers do."""
    for name, matrix in zip((*TRANSITIONS, NEIGHBOURS), (*tables.transitions, tables.neighbours), strict=True):
        write_block(((name, 0), matrix), folder, scratch)
    count = tables.sessions.shape[0]
    sessions = [session(count - row, tables.sessions[row].indices) for row in range(count)]
    write_sessions((0, sessions), folder, scratch)
    write_items(tables, folder, scratch)
