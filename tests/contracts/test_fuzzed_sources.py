"""Files with random damage; `benchmarks.data.fuzz` reads many more."""

from pathlib import Path

from benchmarks.data.fuzzed_files import check_file, check_preflight, write_fuzzed
from components.example_gen.sources.source import SOURCES

FILES = 300


def test_fuzzed_file_gives_exact_counts_or_an_input_error(tmp_path: Path) -> None:
    outcomes = set()
    for seed in range(FILES):
        file = write_fuzzed(seed, tmp_path)
        outcomes.add((file.kind, check_file(file)))
        check_preflight(file)
        file.path.unlink()

    assert outcomes == {(kind, outcome) for kind in SOURCES for outcome in ("rows", "refused")}
