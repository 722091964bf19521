"""Messages about the end of a run, to a webhook and by email."""
