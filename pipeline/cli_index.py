"""The commands for the items of a saved model: index add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

from pipeline.exit_codes import GATE_REFUSED

index_app = typer.Typer(no_args_is_help=True, help="Change the items that a saved model recommends.")


@index_app.command()
def add(
    model: Annotated[str, typer.Option(help="Folder of a version, like ROOT/models/VERSION, or its URI.")],
    items: Annotated[str, typer.Option(help="Table of items: a file, folder or glob, like that of the training.")],
    rejected: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads it on Python 3.10
        typer.Option(help="New folder for the rejected rows, as JSON lines in gzip."),
    ] = None,
    boost: Annotated[
        float, typer.Option(help="Added to the scores of the new items: above 0, they are recommended more often.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add new items to a saved model by their content, without training, as a new version next to it.

    Known items and their scores stay the same. The new version must pass the gate's checks of an exported model.
    """
    from pipeline.commands.add_items import add_items
    from pipeline.display.added_items import added_items_table, result_text

    found = add_items(model, items, rejected, boost)
    if as_json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        console = Console()
        console.print(added_items_table(found))
        for text in result_text(found):
            console.print(text, markup=False, highlight=False, soft_wrap=True)
    if found.version is None:
        raise typer.Exit(GATE_REFUSED)
