"""The AtomicPusher, which publishes a blessed model as a version."""
