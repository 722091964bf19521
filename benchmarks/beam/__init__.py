"""The time and memory of the Beam pipelines on a portable runner, with one and with two workers."""
