"""The quality of the default models on public logs, and of RecBole's models on the same split."""
