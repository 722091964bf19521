"""The command line: parse, call, print.

What takes long to import is imported by the command that needs it, after its
configuration was read: a mistake there is told at once.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.version import VERSION
from schemas.errors import ComponentFailed, InputError
from serving.server.constants import MODEL_NAME

if TYPE_CHECKING:
    from schemas.config import Config

DONE, FAILED, INPUT_WRONG, GATE_REFUSED = 0, 1, 2, 3

app = typer.Typer(
    name="temporec",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="From raw interaction logs to a tested, gated and served next-item recommender.\n\n"
    "Start with:  temporec data fetch movielens-100k --to data/movielens-100k\n\n"
    "then:        temporec run --config pipeline/configs/quickstart.yaml\n\n"
    "Exit codes: 0 done, 1 failed, 2 the input is wrong, 3 the gate refused the model.",
)
config_app = typer.Typer(no_args_is_help=True, help="The configuration: its JSON schema.")
app.add_typer(config_app, name="config")
data_app = typer.Typer(no_args_is_help=True, help="Data sets to try temporec with.")
app.add_typer(data_app, name="data")

ConfigOption = Annotated[Path, typer.Option("--config", help="The configuration, a YAML file; see pipeline/configs/.")]
SetOption = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads it on Python 3.10
    typer.Option("--set", metavar="A.B=VALUE", help="Override a setting; may be given more than once."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Target(str, Enum):
    """Who runs a compiled pipeline."""

    kubeflow = "kubeflow"
    vertex = "vertex"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(VERSION)
        raise typer.Exit(DONE)


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that come before a command."""


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Tell whether this machine is able to run temporec, and what is missing."""
    from pipeline.commands.doctor import diagnose, diagnosis_json, diagnosis_table

    diagnosis = diagnose()
    if as_json:
        print(diagnosis_json(diagnosis))
    else:
        Console().print(diagnosis_table(diagnosis))
    raise typer.Exit(DONE if diagnosis.able else FAILED)


@config_app.command()
def schema() -> None:
    """Print the configuration's JSON schema, for editors and validators."""
    from pipeline.commands.config_docs import config_schema

    print(json.dumps(config_schema(), indent=2))


@data_app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Which one: movielens-100k.")],
    to: Annotated[Path, typer.Option(help="The folder to put it in.")],
) -> None:
    """Bring a real data set, checksum verified; what is there already is left alone."""
    from pipeline.commands.datasets import DATASETS
    from pipeline.commands.datasets import fetch as fetch_data

    for path in fetch_data(name, to):
        print(path)
    print(DATASETS[name].licence)


@app.command()
def validate(config: ConfigOption, overrides: SetOption = None) -> None:
    """Read the configuration and the whole log, report counts, train nothing."""
    loaded = _load(config, overrides)
    from pipeline.commands.evaluate import validate_log
    from pipeline.display.tables import data_table

    Console().print(data_table(validate_log(loaded)))


@app.command()
def run(
    config: ConfigOption,
    overrides: SetOption = None,
    root: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Where everything goes: artifacts, metadata, models, logs, run.json, report.html. [runs/NAME]"
        ),
    ] = None,
) -> None:
    """Run the whole pipeline: from the log to a model that is tested, gated and pushed.

    Run it again after a change, and what does not depend on the change is
    taken from the cache. Watch training with: tensorboard --logdir ROOT
    """
    loaded = _load(config, overrides)
    from pipeline.commands.run import run as run_pipeline

    record = run_pipeline(loaded, root or Path("runs") / loaded.name, Console())
    raise typer.Exit(DONE if record["gate"]["blessed"] else GATE_REFUSED)


@app.command()
def evaluate(
    config: ConfigOption,
    model: Annotated[Path, typer.Option(help="A saved model, like ROOT/models/VERSION.")],
    previous: Annotated[Optional[Path], typer.Option(help="Another, to be measured beside it.")] = None,  # noqa: UP045
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A new folder to keep what was measured of each query in."),
    ] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a saved model on the test split of a log, beside the baselines."""
    loaded = _load(config, overrides)
    from pipeline.commands.evaluate import evaluate_model
    from pipeline.display.tables import metrics_table

    metrics, protocol = evaluate_model(loaded, model, previous, output)
    if as_json:
        print(json.dumps({"metrics": metrics, "protocol": protocol}, indent=2))
    else:
        Console().print(metrics_table(metrics, protocol))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="The root of one run.")],
    second: Annotated[Path, typer.Argument(help="The root of another.")],
    metric: Annotated[str, typer.Option(help="What slices are compared by.")] = "recall@10",
    k: Annotated[int, typer.Option(min=1, help="The length of the lists whose items are compared.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Set two runs on the same log side by side: metrics, slices and lists, with what is sure of it."""
    from pipeline.commands.compare import compare_roots, tables, to_json

    comparison = compare_roots(first, second, metric, k)
    if as_json:
        print(to_json(comparison))
        return
    for each in tables(comparison, metric, k):
        Console().print(each)


@app.command()
def report(
    root: Annotated[Path, typer.Option(help="The root of a run.")],
    output: Annotated[Optional[Path], typer.Option(help="The file to write. [ROOT/report.html]")] = None,  # noqa: UP045
) -> None:
    """Write what a run read, learnt and decided as one HTML file, which needs nothing else to be looked at."""
    from pipeline.report.write import write_report

    print(write_report(root, output))


@app.command()
def serve(
    model_base_path: Annotated[Path, typer.Option(help="The folder of versions, like ROOT/models.")],
    port: Annotated[int, typer.Option(help="Where to listen for gRPC; 0 picks a free one.")] = 8500,
    model_name: Annotated[str, typer.Option(help="The name that requests give.")] = MODEL_NAME,
) -> None:
    """Serve the newest version over TensorFlow Serving's own gRPC API, and follow new ones."""
    from serving.server.server import serve as serve_model

    serve_model(model_base_path, port, model_name=model_name)


@app.command()
def recommend(
    history: Annotated[str, typer.Option(help="Item ids, oldest first, separated by commas.")],
    server: Annotated[
        str, typer.Option(help="HOST:PORT of `temporec serve` or TensorFlow Serving.")
    ] = "localhost:8500",
    k: Annotated[Optional[int], typer.Option(min=1, help="How many; the model's own number by default.")] = None,  # noqa: UP045
    exclude: Annotated[str, typer.Option(help="Item ids never to recommend, separated by commas.")] = "",
    config: Annotated[Optional[Path], typer.Option(help="Show titles from this configuration's item table.")] = None,  # noqa: UP045
    model_name: Annotated[str, typer.Option(help="The name that the server knows the model by.")] = MODEL_NAME,
    as_json: JsonOption = False,
) -> None:
    """Ask a server what comes next after a history."""
    from pipeline.display.tables import answer_table
    from pipeline.display.titles import read_titles
    from serving.server.client import Client

    titles = read_titles(_load(config).data.items) if config else {}
    with Client(server, model_name=model_name) as client:
        (answer,) = client.recommend([_ids(history)], k=k, exclude=[_ids(exclude)])
    if as_json:
        print(json.dumps({"item_ids": answer.item_ids, "scores": answer.scores, "fallback": answer.fallback}))
    else:
        Console().print(answer_table(answer.item_ids, answer.scores, answer.fallback, titles))


@app.command(name="compile")
def compile_(
    target: Annotated[Target, typer.Option(help="Who will run it.")],
    config: ConfigOption,
    image: Annotated[str, typer.Option(help="The container image with temporec in it.")],
    root: Annotated[str, typer.Option(help="URI of the folder for artifacts and models, like gs://bucket/temporec.")],
    output: Annotated[Path, typer.Option(help="The file to write: .yaml for kubeflow, .json for vertex.")],
    overrides: SetOption = None,
) -> None:
    """Write the same pipeline as a file for Kubeflow Pipelines or Vertex AI."""
    loaded = _load(config, overrides)
    from pipeline.runners.kubeflow import compile_pipeline

    compile_pipeline(loaded, target=target.value, image=image, root=root, output=output)
    print(output)


def _load(config: Path, overrides: Optional[list[str]] = None) -> Config:  # noqa: UP045
    from schemas.loading import load_config

    return load_config(config, overrides or ())


def _ids(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def main() -> NoReturn:
    """Runs the command line, with errors as messages and exit codes."""
    # What packages warn about, a user of this command cannot mend; --help stays quick, so nothing is imported here.
    warnings.simplefilter("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except InputError as error:
        _fail(error, INPUT_WRONG)
    except ComponentFailed as error:
        _fail(error, FAILED)
    finally:
        _part_quietly()
    sys.exit(DONE)


def _part_quietly() -> None:
    """Lets nobody hear TensorFlow's functions complain when the interpreter takes them down."""
    if "tensorflow" in sys.modules and sys.exc_info()[0] in (None, SystemExit):
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _fail(error: Exception, code: int) -> NoReturn:
    Console(stderr=True).print("[bold red]error[/]", escape(str(error)), sep="\n", highlight=False, soft_wrap=True)
    sys.exit(code)
