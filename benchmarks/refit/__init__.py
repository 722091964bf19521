"""The gain of counting everyone's newest interactions."""
