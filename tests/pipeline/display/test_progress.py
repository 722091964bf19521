import io
import time

from rich.console import Console

from components.example_gen.progress import LIVE, LOGGER
from pipeline.display.progress import RunProgress


def shown(*, terminal: bool) -> str:
    """Return what a console shows while a log is read to a third and then to its end."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=200, color_system=None)
    with RunProgress(console, "reading the log").following():
        LIVE.info("50 rows", extra={"done_bytes": 1_000, "total_bytes": 3_000})
        time.sleep(0.2)  # the bar is drawn ten times a second
        LOGGER.info("100 rows", extra={"done_bytes": 2_000, "total_bytes": 3_000})
        LIVE.info("150 rows", extra={"done_bytes": 3_000, "total_bytes": 3_000})
    return output.getvalue()


def test_reading_replaces_a_line_of_a_terminal() -> None:
    lines = shown(terminal=True)

    assert "50 rows" in lines
    assert "100 rows\n" not in lines


def test_reading_writes_only_the_lines_of_a_log_file_to_a_pipe() -> None:
    assert shown(terminal=False) == "    100 rows\n"
