"""Ingest a log on disks of several sizes: `python -m tests.components.ingest_on_small_disks CONFIG FOLDER KB...`.

The disks are mounted at FOLDER, so the process needs a namespace of its own. It prints a line of JSON for each.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from components.example_gen.ingest import ingest
from schemas.config import HistoryConfig, LeaveOneOutConfig
from schemas.config.log import DataConfig
from schemas.errors import InputError
from tests.components.ingest_process import MAX_LENGTH
from tests.components.logs import local_pipeline


def main(config: str, folder: str, *sizes_kb: str) -> None:
    """Ingest and print."""
    data = DataConfig.model_validate_json(Path(config).read_text(encoding="utf-8"))
    for size_kb in sizes_kb:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", folder], check=True)
        print(json.dumps(_outcome(data, Path(folder, "out"))), flush=True)
        subprocess.run(["umount", "-l", folder], check=True)


def _outcome(data: DataConfig, output: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"error": None}
    try:
        ingest(local_pipeline, data, LeaveOneOutConfig(), HistoryConfig(max_length=MAX_LENGTH), str(output))
    except InputError as error:
        found["error"] = str(error)
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"
    found["reported"] = (output / "ingestion.json").exists()
    found["digests"] = {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.glob("Split-*/*"))
    }
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
