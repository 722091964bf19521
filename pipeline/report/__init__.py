"""The HTML report of a run: its content is gathered, drawn and rendered."""
