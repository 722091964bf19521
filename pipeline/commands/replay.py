"""`temporec data replay`: the rejected rows of a run are read again, with a corrected configuration."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from components.example_gen.cleaning.kept_rows import KEPT_FOLDER, MANIFEST
from components.example_gen.counts.report import IngestionReport
from pipeline.commands.run import with_absolute_paths
from pipeline.commands.run_steps import follow_steps
from pipeline.display.tables import data_table, rejected_text
from pipeline.records.open_root import exclusive, output_to
from pipeline.records.protocol import data_counts
from schemas.config import Config
from schemas.errors import InputError
from schemas.file_patterns import refuse_wildcards

EXAMPLE_GEN = "InteractionExampleGen"


def replay(config: Config, root: Path, console: Console) -> IngestionReport:
    """Read the rejected rows of the last run again, and add those that are accepted now to its interactions.

    The examples are those of a run on the whole log, and the next run in the root takes them from the cache.

    Args:
        config: the corrected configuration; its paths may be relative to the working directory.
        root: the root of the run.
        console: where to show progress and results.

    Returns:
        The counts, equal to those of a run on the whole log.

    Raises:
        InputError: the root has no kept interactions, or the log or a setting has changed in a way that could change an
            accepted row, or a limit is exceeded.
        ComponentFailed: a component failed; the log file in the root has the details.

    Example:
        ```python
        report = replay(load_config("shop.yaml"), Path("runs/shop"), Console())
        print(report.rows_accepted, report.rows_rejected)
        ```
    """
    root = root.absolute()
    refuse_wildcards(str(root), "a run")
    config = with_absolute_paths(config)
    kept = _last_kept(root)
    log_file = root / "logs" / "run.log"
    with exclusive(root), output_to(log_file, console) as terminal:
        folder = _replay(config, root, kept, terminal, log_file)
        report = IngestionReport.read(str(folder))
        terminal.print(data_table(data_counts(report)))
        for text in rejected_text(report, config.data):
            terminal.print(text, markup=False, highlight=False, soft_wrap=True)
        terminal.print(f"Examples: {folder}", markup=False, highlight=False, soft_wrap=True)
    return report


def _last_kept(root: Path) -> Path:
    """Return the newest examples of a root that were written with the accepted rows."""
    examples = root / "artifacts" / EXAMPLE_GEN / "examples"
    kept = [path.parent.parent for path in examples.glob(f"*/{KEPT_FOLDER}/{MANIFEST}")]
    if not kept:
        raise InputError(
            expected=f"a root of a run with data.keep_interactions: {root}",
            received="no kept interactions",
            remedy="set data.keep_interactions: true, and run on the whole log: temporec run",
        )
    return max(kept, key=lambda folder: int(folder.name))


def _replay(config: Config, root: Path, kept: Path, console: Console, log_file: Path) -> Path:
    """Run the components that read the log, and return the folder of the examples."""
    with follow_steps(console, log_file) as steps:
        from components.example_gen.component import FORMER
        from pipeline.runners.local import LocalRunner, run_locally

        steps.step = "the pipeline"
        runner = LocalRunner(steps.start, steps.end, config.beam, {FORMER: str(kept)})
        *_, run = run_locally(config, root, runner, last=EXAMPLE_GEN)
        return root / run.outputs["examples"].uri
