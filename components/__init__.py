"""Beam transforms, and the TFX components around them."""
