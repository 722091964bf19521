"""The command line: parse, call, print.

Each command imports slow packages itself, after it has read the configuration. So a wrong
configuration is reported at once.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.cli_cluster import TargetOption, schedule_app, submit
from pipeline.cli_index import index_app
from pipeline.exit_codes import DONE, FAILED, GATE_REFUSED, INPUT_WRONG
from pipeline.version import VERSION
from schemas.errors import ComponentFailed, InputError
from serving.server.constants import MODEL_NAME

if TYPE_CHECKING:
    from schemas.config import Config

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
config_app = typer.Typer(no_args_is_help=True, help="Describe the configuration.")
app.add_typer(config_app, name="config")
data_app = typer.Typer(no_args_is_help=True, help="Fetch public data sets, and read rejected rows again.")
app.add_typer(data_app, name="data")
app.add_typer(schedule_app, name="schedule")
app.add_typer(index_app, name="index")
app.command()(submit)

ConfigOption = Annotated[
    Path, typer.Option("--config", help="YAML file with the configuration; see pipeline/configs/.")
]
SetOption = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads it on Python 3.10
    typer.Option("--set", metavar="A.B=VALUE", help="Override a setting; repeatable."),
]
_IDS_HELP = "separated by commas; put an id that contains a comma in double quotes."
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(VERSION)
        raise typer.Exit(DONE)


@app.callback()
def common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Refuse a working directory that was deleted; `doctor` reports it with everything else."""
    try:
        os.getcwd()
    except FileNotFoundError:
        if context.invoked_subcommand == "doctor":
            return
        raise InputError(
            expected="a working directory that exists",
            received="it was deleted",
            remedy="change to an existing folder, for example with: cd ~",
        ) from None


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check that this machine can run temporec, and list missing parts."""
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
    name: Annotated[str, typer.Argument(help="Name of the data set: movielens-100k.")],
    to: Annotated[Path, typer.Option(help="Folder for the files.")],
) -> None:
    """Download a public data set and verify its checksums; correct files are kept."""
    from pipeline.commands.datasets import DATASETS
    from pipeline.commands.datasets import fetch as fetch_data

    for path in fetch_data(name, to):
        print(path)
    print(DATASETS[name].licence)


@data_app.command()
def replay(
    root: Annotated[Path, typer.Option(help="Root of the run.")],
    config: ConfigOption,
    overrides: SetOption = None,
) -> None:
    """Read only the rejected rows of a run again, with a corrected configuration; accepted rows are kept.

    The next `temporec run` in the root takes the examples from the cache.
    """
    loaded = _load(config, overrides)
    from pipeline.commands.replay import replay as replay_rows

    replay_rows(loaded, root, Console())


@app.command()
def init(
    log: Annotated[str, typer.Argument(help="File, folder or glob of the log.")],
    output: Annotated[Optional[Path], typer.Option(help="File to write. Default: the log's name, with .yaml.")] = None,  # noqa: UP045
) -> None:
    """Look at a log and write a configuration to start from, with a comment on each guess."""
    from pipeline.commands.init import init_config
    from pipeline.display.tables import guess_table

    path, guess = init_config(log, output)
    Console().print(guess_table(guess.data, guess.rows, guess.rejected))
    print(f"Written: {path}\nCheck its comments, then run: temporec validate --config {path}")


@app.command()
def validate(
    config: ConfigOption,
    overrides: SetOption = None,
    rejected: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="New folder for the rejected rows, as JSON lines in gzip."),
    ] = None,
) -> None:
    """Check the configuration and the whole log, and print counts and examples of rejected rows, without training."""
    loaded = _load(config, overrides)
    from pipeline.commands.evaluate import validate_log
    from pipeline.display.progress import RunProgress
    from pipeline.display.tables import data_table, rejected_text
    from pipeline.records.protocol import data_counts

    logging.getLogger("temporec.progress").propagate = False  # there is no log file
    with RunProgress(Console(stderr=True), "reading the log").following():
        counts = validate_log(loaded, rejected)
    console = Console()
    items = counts.items.counts if counts.items else None
    shown = asdict(counts.impressions) if counts.impressions else None
    console.print(data_table({**data_counts(counts.interactions), "item_table": items, "impressions": shown}))
    for text in rejected_text(counts.interactions, loaded.data, counts.items):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if rejected is not None:
        console.print(f"Rejected rows: {rejected}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def run(
    config: ConfigOption,
    overrides: SetOption = None,
    root: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder for artifacts, metadata, models, logs and results. Default: runs/NAME."),
    ] = None,
    every: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="INTERVAL", help="Run again after each interval, like 24h or 90m, until it is stopped."),
    ] = None,
) -> None:
    """Run the whole pipeline, from the log to a tested, gated and pushed model.

    A second run in the same root repeats only the steps after a change; other results come from the cache.

    Watch the training with: tensorboard --logdir ROOT/artifacts/Trainer/model_run
    """
    loaded = _load(config, overrides)
    if every is not None:
        from pipeline.commands.repeat import parse_interval, repeat

        once = [sys.executable, sys.argv[0], "run", "--config", str(config)]
        once += [part for each in overrides or () for part in ("--set", each)]
        repeat([*once, *(["--root", str(root)] if root else [])], parse_interval(every), Console())
        return
    from pipeline.commands.run import run as run_pipeline

    record = run_pipeline(loaded, root or Path("runs") / loaded.name, Console())
    raise typer.Exit(DONE if record["gate"]["blessed"] else GATE_REFUSED)


@app.command()
def evaluate(
    config: ConfigOption,
    model: Annotated[Path, typer.Option(help="Folder of a saved model, like ROOT/models/VERSION.")],
    previous: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A second model to evaluate on the same queries."),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="New folder for the metrics of each query."),
    ] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a saved model and the baselines on the test split of a log."""
    loaded = _load(config, overrides)
    from pipeline.commands.evaluate import evaluate_model
    from pipeline.display.tables import impressions_table, metrics_table

    metrics, protocol = evaluate_model(loaded, model, previous, output)
    if as_json:
        print(json.dumps({"metrics": metrics, "protocol": protocol}, indent=2))
    else:
        Console().print(metrics_table(metrics, protocol, loaded.evaluate.gate.metric, loaded.evaluate.ks))
        if metrics["impressions"]:
            Console().print(impressions_table(metrics["impressions"]))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Root of the first run.")],
    second: Annotated[Path, typer.Argument(help="Root of the second run.")],
    metric: Annotated[str, typer.Option(help="Metric for the comparison of slices.")] = "recall@10",
    k: Annotated[int, typer.Option(min=1, help="Length of the compared lists.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs on the same log: metrics, slices and lists, with confidence intervals."""
    from pipeline.commands.compare import compare_roots, tables, to_json

    comparison = compare_roots(first, second, metric, k)
    if as_json:
        print(to_json(comparison))
        return
    for each in tables(comparison, metric, k):
        Console().print(each)


@app.command()
def report(
    root: Annotated[Path, typer.Option(help="Root of the run.")],
    output: Annotated[Optional[Path], typer.Option(help="File to write. Default: ROOT/report.html.")] = None,  # noqa: UP045
) -> None:
    """Write a self-contained HTML report of a run."""
    from pipeline.report.write import write_report

    print(write_report(root, output))


@app.command()
def serve(
    model_base_path: Annotated[str, typer.Option(help="Folder of versions, like ROOT/models or s3://bucket/models.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for gRPC; 0 picks a free port.")] = 8500,
    model_name: Annotated[str, typer.Option(help="Name of the model in requests.")] = MODEL_NAME,
) -> None:
    """Serve the newest version over TensorFlow Serving's gRPC API, and switch to newer versions."""
    from serving.server.server import serve as serve_model

    if "://" not in model_base_path:
        serve_model(Path(model_base_path), port, model_name=model_name)
        return
    from pipeline.commands.serve import local_versions

    with local_versions(model_base_path.rstrip("/")) as folder:
        serve_model(folder, port, model_name=model_name)


@app.command()
def recommend(
    history: Annotated[str, typer.Option(help=f"Item ids, oldest first, {_IDS_HELP}")],
    server: Annotated[
        str, typer.Option(help="HOST:PORT of `temporec serve` or TensorFlow Serving.")
    ] = "localhost:8500",
    k: Annotated[Optional[int], typer.Option(min=1, help="Number of items. Default: the model's k.")] = None,  # noqa: UP045
    exclude: Annotated[str, typer.Option(help=f"Item ids to leave out, {_IDS_HELP}")] = "",
    config: Annotated[Optional[Path], typer.Option(help="Show titles from this configuration's item table.")] = None,  # noqa: UP045
    model_name: Annotated[str, typer.Option(help="Name of the model on the server.")] = MODEL_NAME,
    as_json: JsonOption = False,
) -> None:
    """Ask a server for the next items after a history."""
    histories, excluded = [_ids(history, "--history")], [_ids(exclude, "--exclude")]
    from pipeline.display.tables import answer_table
    from pipeline.display.titles import read_titles
    from serving.server.client import Client

    titles = read_titles(_load(config).data.items) if config else {}
    with Client(server, model_name=model_name) as client:
        (answer,) = client.recommend(histories, k=k, exclude=excluded)
    if as_json:
        print(json.dumps({"item_ids": answer.item_ids, "scores": answer.scores, "fallback": answer.fallback}))
    else:
        Console().print(answer_table(answer.item_ids, answer.scores, answer.fallback, titles))


@app.command(name="compile")
def compile_(
    target: TargetOption,
    config: ConfigOption,
    image: Annotated[str, typer.Option(help="Container image with temporec installed.")],
    root: Annotated[str, typer.Option(help="URI for artifacts and models, like gs://bucket/temporec.")],
    output: Annotated[Path, typer.Option(help="File to write: .yaml for kubeflow, .json for vertex.")],
    overrides: SetOption = None,
) -> None:
    """Compile the pipeline to a file for Kubeflow Pipelines or Vertex AI."""
    loaded = _load(config, overrides)
    from pipeline.runners.kubeflow import compile_pipeline

    compile_pipeline(loaded, target=target.value, image=image, root=root, output=output)
    print(output)


def _load(config: Path, overrides: Optional[list[str]] = None) -> Config:  # noqa: UP045
    from schemas.loading import load_config

    return load_config(config, overrides or ())


def _ids(text: str, option: str) -> list[str]:
    """Return the ids of a comma-separated list; an id in double quotes may contain commas."""
    try:
        (parts,) = csv.reader([text], skipinitialspace=True, strict=True) if text else [[]]
    except (csv.Error, ValueError) as error:
        raise InputError(
            expected=f"item ids separated by commas in {option}",
            received=f"{text} ({error})",
            remedy="put an id that contains a comma in double quotes, like 'a,\"b,c\"'",
        ) from None
    return [part.strip() for part in parts if part.strip()]


def main() -> NoReturn:
    """Run the command line; errors end with a message and an exit code."""
    # Users cannot fix the warnings of packages. Nothing is imported here, so that --help stays fast.
    warnings.simplefilter("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except InputError as error:
        _fail(error, INPUT_WRONG)
    except ComponentFailed as error:
        _fail(error, FAILED)
    finally:
        _silence_tensorflow_at_exit()
    sys.exit(DONE)


def _silence_tensorflow_at_exit() -> None:
    """Drop the messages that TensorFlow's functions print when the interpreter deletes them."""
    if "tensorflow" in sys.modules and sys.exc_info()[0] in (None, SystemExit):
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _fail(error: Exception, code: int) -> NoReturn:
    Console(stderr=True).print("[bold red]error[/]", escape(str(error)), sep="\n", highlight=False, soft_wrap=True)
    sys.exit(code)
