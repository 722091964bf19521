"""What flows: Beam transforms and the TFX components around them."""
