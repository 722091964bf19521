"""What the pipeline reaches on public logs, and what others reach beside it."""
