"""The TFX component that counts the baselines' tables."""
