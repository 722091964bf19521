"""Whether a root has processed the newest spans of a log already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import components
import schemas
import serving
import trainer
from components.common.code_digest import code_digest
from components.common.versions import same_fingerprint, whole_versions
from components.example_gen.listing import describe_listing, describe_table_files, list_log
from pipeline.records.run_root import read_record
from schemas.config import Config
from schemas.errors import InputError


def processed_record(config: Config, root: Path) -> dict[str, Any] | None:
    """Return the record of the last run in a root if another run could only repeat it.

    This is the case if its configuration, the code, and the files of the log, its tables and the log of impressions are
    the same, and its model is served. A run that failed has no record, and a refused model is not served.

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
        seen = record["data"]["files"], record["data"]["table_files"]
        listed = describe_listing(list_log(config.example_gen_config.data)), describe_tables(config)
    except InputError:  # no record, one of another version, or a log that the run itself refuses
        return None
    return record if seen == listed else None


def describe_tables(config: Config) -> dict[str, str | None]:
    """Return the output of `describe_table_files` for the table of items and the log of impressions; None without it.

    Args:
        config: the configuration, with absolute paths.

    Raises:
        InputError: no file matches.
    """
    items, impressions = config.data.items, config.data.impressions
    return {
        "items": describe_table_files(items) if items else None,
        "impressions": describe_table_files(impressions) if impressions else None,
    }


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
