"""The records of a run: `run.json` and its root."""
