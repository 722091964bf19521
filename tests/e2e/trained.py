"""Trains as TFX's Trainer does, on what a run of the pipeline prepared."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from schemas.config import TrainerConfig
from trainer.run_fn import run_fn


def train(left: Path, out: Path, training: TrainerConfig, model: str = "model") -> Path:
    """Returns the folder of the saved model, by its name below `out`; `left` is the root of a run."""
    (transform_graph,), (examples,), (counts,) = (
        (left / "artifacts" / output).iterdir()
        for output in ("Transform/transform_graph", "Transform/transformed_examples", "Baselines/counts")
    )
    run_fn(
        SimpleNamespace(
            train_files=[str(examples / "Split-train" / "*")],
            eval_files=[str(examples / "Split-eval" / "*")],
            transform_output=str(transform_graph),
            serving_model_dir=str(out / model),
            model_run_dir=str(out / "logs"),
            custom_config={
                "training": training.model_dump_json(),
                "code": "",
                "counts": str(counts),
                "checkpoints": str(out / "checkpoints"),
            },
        )
    )
    return out / model
