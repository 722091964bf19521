"""Check the files of some seeds, and print a line for each.

    python -m benchmarks.data.fuzz_worker FOLDER FIRST END

`fuzz.py` starts it.
"""

from __future__ import annotations

import faulthandler
import json
import resource
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import apache_beam as beam

from benchmarks.data.fuzzed_files import check_file, check_ingestion, check_preflight, write_fuzzed

INGESTED = 100  # each file whose seed is a multiple is also ingested through Beam
_HANGS_S = 600


def main(folder: str, first: str, end: str) -> None:
    """Check and print.

    Args:
        folder: where to write the files; those that fail are kept.
        first: the first seed.
        end: the seed after the last one.
    """
    for seed in range(int(first), int(end)):
        faulthandler.dump_traceback_later(_HANGS_S, exit=True)
        print(json.dumps(_check(seed, Path(folder))), flush=True)


def _check(seed: int, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"seed": seed, "kind": "unknown"}
    try:
        file = write_fuzzed(seed, folder)
        found |= {"kind": file.kind, "damage": file.damage}
        found["outcome"] = check_file(file)
        check_preflight(file)
        if seed % INGESTED == 0:
            output = folder / f"{seed}.out"
            check_ingestion(file, lambda: beam.Pipeline(runner="FnApiRunner"), str(output))
            shutil.rmtree(output, ignore_errors=True)
        file.path.unlink()
    except Exception as error:
        found |= {"outcome": type(error).__name__, "error": traceback.format_exc()[-1_500:]}
    return found | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}


if __name__ == "__main__":
    main(*sys.argv[1:])
