"""Vectors of the texts of items by a sentence encoder, as further columns of the table of items."""
