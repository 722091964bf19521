"""A run as one HTML file: what it shows is gathered, drawn and set in a page."""
