"""AtomicPusher: publishes a blessed model as a version."""
