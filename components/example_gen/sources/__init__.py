"""The files of a log, in each format, as batches of texts with file and line."""
