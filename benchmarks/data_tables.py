"""Tables of the way from a log to the inputs of the training."""

from __future__ import annotations

import math
from statistics import median

from benchmarks.records import describe_origin, read_results


def beam_table() -> str:
    """Return the time and memory of each component with Beam by number of workers, and the sizes of the outputs."""
    results = read_results("beam")
    counts = [result["workers"] for result in results]
    by_workers = " | ".join(f"{count} worker{'s' * (count > 1)}" for count in counts)
    rows = [
        f"| component | {by_workers} | ratio | workers' processor time | memory of the largest worker |",
        "| --- |" + " --- |" * (len(counts) + 3),
    ]
    for name in results[0]["components"]:
        found = [result["components"][name] for result in results]
        seconds = [f"{each['seconds']:,.0f} s" for each in found]
        processor = [f"{each['worker_cpu_s']:,.0f} s" for each in found]
        ratio = found[-1]["seconds"] / found[0]["seconds"]
        peaks = [f"{max(each['worker_peaks_mb']) / 1000:.1f} GB" for each in found]
        rows.append(
            f"| {name} | {' | '.join(seconds)} | {ratio:.2f} | {' and '.join(processor)} | {' and '.join(peaks)} |"
        )
    first = results[0]
    job_server_mb = max(result["job_server_peak_mb"] for result in results)
    sizes = (
        f"{first['rows']:,} rows of {first['users']:,} users and {first['items']:,} items: {first['log_mb']:,} MB of"
        f" log, {first['examples_mb']:,} MB of examples, {first['counts_mb']:,} MB of counts. All data goes through the"
        f" job server, which took up to {job_server_mb / 1000:.1f} GB."
    )
    return "\n".join([*rows, "", sizes, "", describe_origin(first, "benchmarks.beam.run")])


def data_table() -> str:
    """Return the rows a second and the memory of each way from a log to examples, by size of the log."""
    results = read_results("data")
    sizes = " | ".join(f"{result['rows'] // 1_000_000} million rows" for result in results)
    rows = [f"| way | {sizes} |", "| --- |" + " --- |" * len(results)]
    for way in dict.fromkeys(way for result in results for way in result["ways"]):
        cells = [
            f"{result['rows'] / found['seconds']:,.0f} rows/s, {found['peak_mb'] / 1000:.1f} GB" if found else "-"
            for result in results
            for found in (result["ways"].get(way),)
        ]
        rows.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join([*rows, "", describe_origin(results[0], "benchmarks.data.run")])


def stages_table() -> str:
    """Return the time of each stage of an ingestion."""
    (result,) = read_results("data", "stages.jsonl")
    seconds, millions = result["seconds"], result["rows"] / 1_000_000
    rows = ["| stage | seconds for a million rows | share |", "| --- | --- | --- |"]
    for stage, taken in seconds.items():
        rows.append(f"| {stage} | {taken / millions:.2f} | {taken / sum(seconds.values()):.0%} |")
    return "\n".join([*rows, "", describe_origin(result, "benchmarks.data.stages")])


def preparation_table() -> str:
    """Return the time of each component before the Trainer, of an earlier commit and now: medians."""
    results = read_results("data", "preparation.jsonl")
    times = {
        side: {
            component: median(result["seconds"][side][component] for result in results)
            for component in results[0]["seconds"][side]
        }
        for side in ("before", "now")
    }
    rows = ["| component | before | now |", "| --- | --- | --- |"]
    for component in dict.fromkeys([*times["before"], *times["now"]]):
        cells = [f"{of_side[component]:.1f} s" if component in of_side else "-" for of_side in times.values()]
        rows.append(f"| {component} | {' | '.join(cells)} |")
    before, now = (math.fsum(of_side.values()) for of_side in times.values())  # Python 3.12 changed how `sum` rounds
    rows.append(f"| all | {before:.1f} s | {now:.1f} s: {now / before:.2f} times |")
    origin = f"{len(results)} runs of each; before is commit {results[0]['before']}"
    return "\n".join([*rows, "", f"{origin}; {describe_origin(results[0], 'benchmarks.data.preparation')}"])
