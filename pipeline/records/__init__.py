"""What a run leaves: `run.json` and its folder."""
