"""Trainer: runs `trainer.run_fn` in TFX."""
