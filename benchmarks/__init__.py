"""Measurements that take long: each folder has its own command and recorded results."""
