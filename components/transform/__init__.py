"""The preprocessing function of TFX's Transform, and texts as token ids and sentence vectors."""
