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
from components.common.versions import whole_versions
from components.example_gen.listing import describe_listing, list_log
from pipeline.records.run_root import read_record
from schemas.config import Config
from schemas.errors import InputError


def processed_record(config: Config, root: Path) -> dict[str, Any] | None:
    """Return the record of the last run in a root if another run could only repeat it.

    This is the case if its configuration, the files of the log and the code are the same, and its model is served. A
    run that failed has no record, and a refused model is not served.

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
        listed = describe_listing(list_log(config.example_gen_config.data))
    except InputError:  # no record, one of another version, or a log that the run itself refuses
        return None
    return record if record["data"]["files"] == listed else None


def pipeline_code() -> str:
    """Return a digest of the code that determines the results of a run."""
    return code_digest(components, schemas, serving, trainer)


def _is_served(record: dict[str, Any], root: Path) -> bool:
    newest = [str(version) for version in whole_versions(str(root / "models"))[:1]]
    return record["pushed"] is not None and newest == [record["pushed"]["version"]]
