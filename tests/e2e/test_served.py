"""The served model gives the results of the evaluation, over a real socket."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from components.common.versions import judged_model
from schemas.features import EXCLUDE_IDS, ITEM_IDS, TARGET_ID
from serving.server.client import Client
from tests.e2e.command import TEMPOREC, temporec
from tests.e2e.conftest import Run
from tests.e2e.planted import ITEMS, STEP

Case = tuple[list[str], list[str], str]


def judged(run: Run) -> Path:
    """Return the model that was evaluated. The pushed one is refitted: it has seen the test split."""
    return Path(judged_model(run.record["pushed"]["path"]))


@pytest.fixture(scope="module")
def address(first_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # A base path with the version of the first run only, because other tests push more versions.
    pushed, models = Path(first_run.record["pushed"]["path"]), tmp_path_factory.mktemp("models")
    shutil.copytree(judged(first_run), models / pushed.name)
    command = [TEMPOREC, "serve", "--model-base-path", str(models), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            port = re.search(r"port (\d+)", server.stdout.readline())
            assert port, "the server did not print its port"
            yield f"localhost:{port[1]}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def cases(first_run: Run) -> list[Case]:
    """The history, older items and target of every test example."""
    (file,) = Path(first_run.record["data"]["rejected_path"]).parent.glob("Split-test/*")
    found = []
    for record in tf.data.TFRecordDataset(str(file), compression_type="GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        history, older, target = (
            [item.decode() for item in features[name].bytes_list.value] for name in (ITEM_IDS, EXCLUDE_IDS, TARGET_ID)
        )
        found.append((history, older, target[0]))
    return found


def test_recall_of_served_lists_equals_the_evaluation(address: str, first_run: Run, cases: list[Case]) -> None:
    with Client(address) as client:
        answers = client.recommend([case[0] for case in cases], k=10, exclude=[case[1] for case in cases])
    hits = [case[2] in answer.item_ids for case, answer in zip(cases, answers, strict=True)]
    assert np.mean(hits) == pytest.approx(first_run.record["metrics"]["test"]["recall@10"], abs=1e-9)


def test_served_scores_equal_the_scores_of_the_model(address: str, first_run: Run, cases: list[Case]) -> None:
    histories = [case[0] for case in cases[:20]]
    with Client(address) as client:
        served = client.recommend(histories, k=5)
        alone = [client.recommend([history], k=5)[0] for history in histories]
        padded = client.recommend([["", *history, ""] for history in histories], k=5)
    model = tf.saved_model.load(str(judged(first_run))).signatures["recommend"]
    own = model(
        item_ids=tf.ragged.constant(histories).to_tensor(""),
        timestamps_s=tf.zeros([1, 1], tf.int64),
        exclude=tf.zeros([1, 0], tf.string),
        k=tf.constant(5),
    )
    expected = own["scores"].numpy()
    for answers in (served, alone, padded):
        assert [answer.item_ids for answer in answers] == [[i.decode() for i in row] for row in own["item_ids"].numpy()]
        np.testing.assert_allclose([answer.scores for answer in answers], expected, atol=1e-5)


def test_served_lists_have_no_seen_items(address: str, cases: list[Case]) -> None:
    with Client(address) as client:
        answers = client.recommend([case[0] for case in cases], k=ITEMS)
    assert not any(set(answer.item_ids) & set(case[0]) for answer, case in zip(answers, cases, strict=True))


def test_recommend_command_follows_the_planted_rule(address: str) -> None:
    history = ",".join(f"i{STEP * step}" for step in range(3))
    answer = json.loads(temporec("recommend", "--server", address, "--history", history, "--k", "1", "--json"))
    assert answer["item_ids"] == [f"i{STEP * 3}"]
    assert answer["fallback"] is False


def test_unknown_history_gets_popular_items_and_the_output_says_so(address: str) -> None:
    assert "popular items" in temporec("recommend", "--server", address, "--history", "nobody-knows-this")


def test_unknown_history_gets_recently_popular_items(address: str, first_run: Run) -> None:
    counted = pq.read_table(f"{first_run.record['artifacts']['counts']}/items.parquet").to_pydict()
    recent = dict(zip(counted["item_id"], counted["recent"], strict=True))
    with Client(address) as client:
        (answer,) = client.recommend([["nobody-knows-this"]], k=5)
    assert answer.fallback
    assert answer.scores == pytest.approx(sorted(recent.values(), reverse=True)[:5])
    assert [recent[item] for item in answer.item_ids] == pytest.approx(answer.scores)
    assert answer.scores[0] > min(recent.values())


def test_server_reports_its_signatures_and_version(address: str, first_run: Run) -> None:
    with Client(address) as client:
        assert {"serving_default", "recommend", "score", "explain"} <= set(client.metadata())
        assert client.status()[int(Path(first_run.record["pushed"]["path"]).name)].state == "AVAILABLE"
