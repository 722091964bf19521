"""The report of a finished run, as text."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from rich.console import Console

from pipeline.commands.run_results import show_report
from pipeline.records.run_root import RECORD, REPORT, read_record
from pipeline.report.write import write_report
from schemas.errors import InputError
from tests.pipeline.report_root import IMAGE, SCRIPT, TITLES
from tests.serving.successor import Successor, write_model


@pytest.fixture(scope="module")
def page(finished_root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(finished_root, tmp_path_factory.mktemp("report") / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def words(page: str) -> str:
    """The visible text of the page, in one line."""
    body = re.sub(r"<(script|style).*?</\1>", "", page.partition("<body>")[2], flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def figures(page: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', page, re.S)
    return {figure["name"]: figure for figure in json.loads(found)}


def test_page_starts_with_the_verdict(words: str) -> None:
    # 24 of 30 users have the next letter as their target.
    assert re.match(
        r"alphabet, run of 2026-11-25 Blessed and pushed as version 7: recall@1 is 0\.8000 \(95% interval", words
    )


@pytest.mark.parametrize(
    "text",
    [
        "rows read 122 accepted 120 rejected: bad timestamp 1 rejected: no user 1",
        "users 30 items 6",
        "log.csv:3 u00,a,yesterday",
        "train 30 1.0 1 1 1 eval 30 2.0 2 2 2 test 30 3.0 3 3 3",
        "model 0.8000",
        "better than popularity passed",
        "new users 0.00% of the test queries",
        "The log compared with the previous run",
        f"item id l infinity 0.2500 0.1250 {SCRIPT}: 50.0% to 25.0% alarm",
        "hour jensen shannon 0.0625 0.1250 19:00: 25.0% to 30.0% none",
        "36 parameters",
        "By history length: recall@1 cannot be compared, because fewer than two groups have 20 users.",
        "User u",
        # Attention of 1/6, 2/6 and 3/6; and retrieval's order does not change if the last letter is another one.
        "The last interaction reads those before it, and gives the newest 33% of the weight. Half of the users give at",
        "No single interaction raises the probability of a recommendation.",
        "✓ target",
    ],
)
def test_page_contains(words: str, text: str) -> None:
    assert text in words


def test_contents_link_every_section(page: str) -> None:
    targets = re.findall(r'<a href="#([^"]+)">', page)
    assert len(targets) == 11
    assert all(f'<section id="{target}"' in page for target in targets)


def test_figures_show_the_measurements(page: str) -> None:
    found = figures(page)
    assert found["losses"]["data"][0]["y"] == [3.0, 2.0, 1.5]
    assert found["systems-recall@1"]["data"][0]["x"][0] == pytest.approx(0.8)
    assert found["timings"]["data"][0]["x"] == [0.1, 2.5, 1.5, 0.5, 0.5, 30.0, 1.0, 4.0, 3.0, 1.0, 2.0, 0.1]
    assert [trace["name"] for trace in found["map"]["data"]] == ["&lt;i&gt;consonant&lt;/i&gt;", "vowel"]


@pytest.mark.parametrize("text", [SCRIPT, IMAGE, "<b>Dodo</b>"])
def test_markup_in_the_log_is_escaped(page: str, words: str, text: str) -> None:
    assert text not in page
    assert text in words


def test_markup_in_figures_is_escaped(page: str) -> None:
    shown = [title for trace in figures(page)["map"]["data"] for title in trace["text"]]
    assert sorted(map(unescape, shown)) == sorted(TITLES.values())
    assert not any("<" in title for title in shown)


def test_page_has_three_scripts_and_loads_nothing(page: str) -> None:
    markup = re.sub(r"(<script[^>]*>).*?(</script>)", r"\1\2", page, flags=re.S)
    assert len(re.findall("<script", markup)) == 3
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', markup) == []
    assert "url(" not in markup
    assert "default-src 'none'" in markup


def test_page_of_a_refused_model_names_the_failed_check(finished_root: Path, tmp_path: Path) -> None:
    record = read_record(finished_root)
    check = {
        "id": "floor[recall@1]",
        "title": "recall@1",
        "measured": "0.8000",
        "required": "at least 0.9",
        "passed": False,
        "note": "",
    }
    record |= {"gate": {**record["gate"], "blessed": False, "checks": [check]}, "pushed": None}
    (tmp_path / RECORD).write_text(json.dumps(record))
    page = write_report(tmp_path).read_text()
    assert "Refused: recall@1: 0.8000; required: at least 0.9. The served model does not change." in page
    assert 'class="failed">failed' in page


def test_page_starts_with_any_metric_of_the_gate(finished_root: Path, tmp_path: Path) -> None:
    record = read_record(finished_root)
    record["config"]["evaluate"]["gate"] |= {"metric": "auc", "beat": []}  # baselines have no auc
    (tmp_path / RECORD).write_text(json.dumps(record))
    page = write_report(tmp_path).read_text()
    assert f"auc is {record['metrics']['test']['auc']:.4f}" in page
    assert list(figures(page))[4:6] == ["systems-auc", "systems-recall@3"]


def test_page_shows_impressions_and_the_correction_for_positions(finished_root: Path, tmp_path: Path) -> None:
    record = read_record(finished_root)
    names = ("auc", "mrr", "ndcg@5", "ndcg@10")
    model, popularity = {name: [0.625, 0.5, 0.75] for name in names}, {name: [0.5, 0.4, None] for name in names}
    estimates = {"naive": [0.75, 0.7, 0.8], "ips": [0.5, 0.25, 0.75], "snips": [0.6, 0.55, 0.65]}
    bias: dict[str, Any] = {"clip": 5.0, "clicks": 40, "clicks_without_propensity": 3, "effective_sample_size": 20.4}
    bias |= {"clipped_clicks": 2, "clipped_weight": 0.125, "systems": {"model": estimates}}
    counts = {"impressions": 30, "users": 20, "shown": 300, "clicks": 43}
    counts |= {"unknown_items": 7, "without_clicks": 5, "only_clicks": 1}
    systems = {"model": model, "recent_popularity": popularity}
    record["metrics"]["impressions"] = {**counts, "systems": systems, "above_popularity": model, "position_bias": bias}
    record["data"]["impressions"] = {"rows_rejected": {"bad_list": 4}, "impressions": {"train": 60, "test": 30}}
    (tmp_path / RECORD).write_text(json.dumps(record))

    text = " ".join(unescape(re.sub(r"<[^>]*>", " ", write_report(tmp_path).read_text())).split())

    cell = "0.6250 0.5000 to 0.7500"
    assert f"model auc mrr ndcg@5 ndcg@10 model {cell} {cell} {cell} {cell} recent popularity 0.5000" in text
    assert f"model minus popularity {cell}" in text
    assert "30 lists of 20 users in the test span" in text
    assert "impressions, rejected: bad list 4" in text
    assert "train impressions 60 test impressions 30" in text
    assert "model 0.7500 0.7000 to 0.8000 0.5000 0.2500 to 0.7500 0.6000 0.5500 to 0.6500" in text
    assert "40 clicks count, like 20 clicks with equal weights" in text
    assert "Clipping at 5 lowers the weight of 2 clicks and removes 12.5% of the weight." in text


def test_page_shows_further_tasks_with_a_confusion_matrix(finished_root: Path, tmp_path: Path) -> None:
    record = read_record(finished_root)
    sport = {"name": "sport", "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 3}
    news = {"name": "<news>", "precision": 1.0, "recall": 0.25, "f1": 0.4, "support": 4}
    record["order"]["tasks"] = {
        "value": {"targets": 1_200, "absolute_error": 0.25, "absolute_error_of_median": 0.5},
        "item_category": {"items": 7, "macro_f1": 0.5333, "classes": [sport, news], "confusion": [[3, 0], [3, 1]]},
    }
    (tmp_path / RECORD).write_text(json.dumps(record))

    text = " ".join(unescape(re.sub(r"<[^>]*>", " ", write_report(tmp_path).read_text())).split())

    assert "Further task: value on held-out targets targets 1,200 absolute error 0.2500" in text
    assert "Further task: item category on held-out items items 7 macro f1 0.5333" in text
    assert "class precision recall F1 support sport <news> sport 0.5000 1.0000 0.6667 3 3 0" in text
    assert "<news> 1.0000 0.2500 0.4000 4 3 1" in text


class NanVectors(Successor):
    """A model whose item vectors are NaN."""

    def candidates(self) -> tf.Tensor:
        return self.table * float("nan")


def test_vectors_with_nan_give_a_page_without_a_map(finished_root: Path, page: str, tmp_path: Path) -> None:
    record = read_record(finished_root)
    record["artifacts"]["model"] = str(write_model(tmp_path / "model", NanVectors(), k=10))
    (tmp_path / RECORD).write_text(json.dumps(record))
    shown = write_report(tmp_path).read_text()
    assert "There is no map" in shown
    assert figures(page).keys() - figures(shown).keys() == {"map"}


class TestMissingParts:
    def test_root_without_a_run_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="a root with a finished run"):
            write_report(tmp_path)

    def test_empty_record_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / RECORD).write_text("{}")
        with pytest.raises(InputError, match="another version, which lacks 'evaluation'"):
            write_report(tmp_path)

    @pytest.mark.parametrize(
        "lacking", ["data", "data.rows_read", "metrics.test", "artifacts.counts", "order.served", "gate.checks", "name"]
    )
    def test_record_without_a_key_is_refused(self, finished_root: Path, tmp_path: Path, lacking: str) -> None:
        part = record = read_record(finished_root)
        *sections, key = lacking.split(".")
        for section in sections:
            part = part[section]
        del part[key]
        (tmp_path / RECORD).write_text(json.dumps(record))
        with pytest.raises(InputError, match=f"another version, which lacks '{key}'"):
            write_report(tmp_path)

    def test_record_with_an_unknown_setting_is_refused(self, finished_root: Path, tmp_path: Path) -> None:
        record = read_record(finished_root)
        record["config"]["model"]["width"] = 3
        (tmp_path / RECORD).write_text(json.dumps(record))
        with pytest.raises(InputError, match=r"another version, with model\.width"):
            write_report(tmp_path)

    def test_missing_folder_is_refused(self, finished_root: Path, tmp_path: Path) -> None:
        record = read_record(finished_root)
        record["artifacts"]["counts"] = str(tmp_path / "gone")
        (tmp_path / RECORD).write_text(json.dumps(record))
        with pytest.raises(InputError, match="gone"):
            write_report(tmp_path)


class TestAfterARun:
    def test_report_is_in_the_root_and_its_path_is_shown(self, finished_root: Path, tmp_path: Path) -> None:
        shutil.copy(finished_root / RECORD, tmp_path)
        console = Console(record=True, width=1000)
        show_report(tmp_path, console)
        assert f"Report: {tmp_path / REPORT}" in console.export_text()
        assert (tmp_path / REPORT).is_file()

    def test_failed_report_is_shown_and_the_older_report_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / RECORD).write_text("{}")
        (tmp_path / REPORT).write_text("of the run before")
        console = Console(record=True, width=1000)
        show_report(tmp_path, console)
        text = console.export_text()
        assert "Could not write the report (InputError). The run itself is complete." in text
        assert f"Retry with: temporec report --root {tmp_path}" in text
        assert not (tmp_path / REPORT).exists()
