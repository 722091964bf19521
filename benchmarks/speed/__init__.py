"""How fast training is, where its time goes, and how it grows."""
