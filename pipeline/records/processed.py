"""Whether a root has processed the newest spans of a log already."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import components
import schemas
import serving
import trainer
from components.common.code_digest import code_digest
from components.common.versions import same_fingerprint, whole_versions
from components.example_gen.listing import describe_files, log_locations
from components.example_gen.sources.options import FileLocation
from components.schema_gen.given_schema import read_schema_text
from pipeline.records.run_root import read_record
from schemas.config import Config
from schemas.errors import InputError


def processed_record(config: Config, root: Path) -> dict[str, Any] | None:
    """Return the record of the last run in a root if another run could only repeat it.

    This is the case if its model is served, and the same are its configuration, the code, the schema, and the files of
    the log, its tables and the log of impressions. A run that failed has no record, and a refused model is not served.

    Args:
        config: the configuration, with absolute paths.
        root: the root of the run.

    Returns:
        The content of `run.json`, or None.
    """
    try:
        record = read_record(root)
        same = record["config"] == json.loads(config.model_dump_json()) and record["code"] == pipeline_code()
        if not same or not _is_served(record, root):
            return None
        seen = [record["data"][name] for name in ("files", "table_files", "schema_digest")]
        listed = [
            describe_files(log_locations(config.data)),
            describe_tables(config),
            schema_digest(config),
        ]
    except InputError:  # no record, one of another version, or a log that the run itself refuses
        return None
    return record if seen == listed else None


def describe_tables(config: Config) -> dict[str, str | None]:
    """Return the output of `describe_files` for the table of items and the log of impressions; None without it.

    Args:
        config: the configuration, with absolute paths.

    Raises:
        InputError: no file matches.
    """
    items, impressions = config.data.items, config.data.impressions
    return {
        "items": describe_files([FileLocation.of(items)]) if items else None,
        "impressions": describe_files([FileLocation.of(impressions)]) if impressions else None,
    }


def schema_digest(config: Config) -> str | None:
    """Return a digest of the file with the user's schema; None without it.

    Args:
        config: the configuration, with absolute paths.

    Raises:
        InputError: the file cannot be read.
    """
    path = config.data.checks.schema_file
    return None if path is None else hashlib.sha256(read_schema_text(path).encode()).hexdigest()


def pipeline_code() -> str:
    """Return a digest of the code that determines the results of a run."""
    return code_digest(components, schemas, serving, trainer)


def _is_served(record: dict[str, Any], root: Path) -> bool:
    models, pushed = root / "models", record["pushed"]
    newest = [str(version) for version in whole_versions(str(models))[:1]]
    if pushed is None or not newest:
        return False
    # A version to which items were added counts as the pushed one.
    return newest[0] == pushed["version"] or same_fingerprint(
        *(f"{models}/{n}" for n in (newest[0], pushed["version"]))
    )
