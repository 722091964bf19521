"""Training as by TFX's Trainer, on the artifacts of a run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from schemas.config import TrainerConfig
from trainer.run_fn import run_fn


def train(left: Path, out: Path, training: TrainerConfig, model: str = "model") -> Path:
    """Train on the artifacts below `left`, the root of a run, and return the folder of the saved model in `out`."""
    (transform_graph,), (examples,), (counts,) = (
        (left / "artifacts" / output).iterdir()
        for output in ("Transform/transform_graph", "InteractionExampleGen/examples", "Baselines/counts")
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
                "items": "",
                "impressions": "",
                "checkpoints": str(out / "checkpoints"),
            },
        )
    )
    return out / model
