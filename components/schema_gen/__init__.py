"""HistorySchema: the schema of the examples."""
