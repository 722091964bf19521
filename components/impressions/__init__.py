"""The log of impressions as an artifact, divided at the times of the split."""
