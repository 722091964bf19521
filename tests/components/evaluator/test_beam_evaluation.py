"""An evaluation of real saved models, compared with TFMA's own files and with independent arithmetic."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma

from components.baselines.count_pipeline import count_baselines
from components.baselines.tables import read_tables
from components.evaluator.beam_evaluation import evaluate
from components.evaluator.query_results import QUERIES, Results, read_results
from components.evaluator.summary import summarize
from components.evaluator.systems import Sources
from components.example_gen.ingest import ingest
from schemas.config import HistoryConfig, LeaveOneOutConfig, SessionSplitConfig, SplitConfig, TemporalSplitConfig
from schemas.config.columns import ColumnConfig
from schemas.config.evaluation import SLICES, EvaluatorConfig, Slice
from schemas.config.tables import UsersTableConfig
from schemas.errors import InputError
from tests.components.logs import DAY_S, START_S, data, local_pipeline
from tests.serving.successor import ITEMS, Successor, write_model

KS = (1, 3, 4)  # no more than the model answers by itself
EVALUATION = EvaluatorConfig(
    ks=KS,
    slices=(Slice(name="sex", feature="user_sex"),),
    fairness=(),
    bootstrap_samples=100,
    times=True,
    remove_seen=True,
    categories=(),
)
SPLITS: dict[str, SplitConfig] = {
    "leave_one_out": LeaveOneOutConfig(),
    "temporal": TemporalSplitConfig(kind="temporal", targets="all", validation_share=0.2, test_share=0.3),
    "session": SessionSplitConfig(kind="session", gap_s=DAY_S, validation_share=0.2, test_share=0.3),
}


def write_log(folder: Path) -> Any:
    """Write a log of forty users who mostly walk through the alphabet; half of them are in the table."""
    generator = random.Random(3)
    rows = []
    for user in range(40):
        letter, time = generator.randrange(len(ITEMS)), START_S + generator.randrange(20 * DAY_S)
        for _ in range(generator.randrange(4, 9)):
            rows.append(f"u{user},{ITEMS[letter]},{time}")
            letter = (letter + generator.choice((1, 1, 1, 2, 4))) % len(ITEMS)
            time += generator.choice((60, 60, 3 * DAY_S))
    (folder / "log.csv").write_text("\n".join(["user,item,time", *rows, ""]))
    table = [f"u{user},{'mf'[user % 4 // 2]}" for user in range(0, 40, 2)]
    (folder / "users.csv").write_text("\n".join(["user,sex", *table, ""]))
    users = UsersTableConfig(path=str(folder / "users.csv"), id="user", columns={"sex": ColumnConfig(column="sex")})
    return data(folder / "log.csv", users=users)


@pytest.fixture(scope="module", params=SPLITS)
def evaluated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results, Path]:
    """Return the folder of an evaluation, its results, and the folder of the test examples."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = write_log(folder)
    ingest(local_pipeline, settings, SPLITS[request.param], HistoryConfig(max_length=5), str(folder / "examples"))
    with local_pipeline() as pipeline:
        count_baselines(pipeline, str(folder / "examples"), str(folder / "counts"), settings.features)
    model = write_model(folder / "model", Successor(serves_reranked=True))
    previous = write_model(folder / "previous", Successor(step=2))
    catalogue = read_tables(str(folder / "counts")).items
    sources = Sources(str(folder / "counts"), str(model), str(previous))
    output, test = folder / "evaluation", folder / "examples" / "Split-test"
    with local_pipeline() as pipeline:
        evaluate(pipeline, EVALUATION, str(test), sources, len(catalogue), {"recall@3": 0.1}, str(output))
    return output, read_results(str(output / QUERIES)), test


def by_definition(name: str, ranked: list[str], targets: list[str], k: int) -> float:
    """Compute sums over the list, as the papers define them."""
    gains = [float(item in targets) for item in ranked[:k]] + [0.0] * (k - len(ranked[:k]))
    if name == "recall":
        return sum(gains) / len(targets)
    if name == "precision":
        return sum(gains) / k
    if name == "hit_rate":
        return max(gains)
    if name == "mrr":
        return max(gain / (place + 1) for place, gain in enumerate(gains))
    if name == "map":
        return sum(gain * sum(gains[: place + 1]) / (place + 1) for place, gain in enumerate(gains)) / len(targets)
    best = [1.0] * min(k, len(targets))
    dcg, ideal = (sum(gain / math.log2(place + 2) for place, gain in enumerate(some)) for some in (gains, best))
    return dcg / ideal


def gini(counts: list[int]) -> float:
    """Compute half the relative mean absolute difference."""
    differences = [abs(one - other) for one in counts for other in counts]
    return float(np.mean(differences) / (2 * np.mean(counts)))


@pytest.mark.parametrize("system", ["model", "previous"])
def test_tfma_metrics_equal_those_of_direct_calls_in_every_slice(
    evaluated: tuple[Path, Results, Path], system: str
) -> None:
    output, _, test = evaluated
    model = tf.saved_model.load(str(output.parent / system))
    asked: list[tuple[dict[str, Any], list[str], list[str]]] = []
    for path in sorted(test.glob("*")):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            read = {
                name: [item.decode() for item in features[name].bytes_list.value]
                for name in ("item_ids", "exclude_ids", "target_ids", "user_sex")
            }
            answer = model.signatures["recommend"](
                item_ids=tf.constant([read["item_ids"]]),
                timestamps_s=tf.zeros([1, 1], tf.int64),
                exclude=tf.reshape(tf.constant(read["exclude_ids"], tf.string), [1, -1]),
                k=tf.constant(max(KS)),
            )
            ranked = [item.decode() for item in answer["item_ids"].numpy()[0] if item]
            asked.append((read, ranked, read["target_ids"]))
    found = tfma.load_eval_result(str(output), model_name=system).get_metrics_for_all_slices()
    groups: dict[tuple[tuple[str, str], ...], Any] = {(): asked} | {
        (("sex", sex),): [each for each in asked if each[0]["user_sex"] == [sex]] for sex in ("f", "m")
    }
    for slice_key, queries in groups.items():
        for k in KS:
            expected = {
                name: float(np.mean([by_definition(name, ranked, targets, k) for _, ranked, targets in queries]))
                for name in ("recall", "precision", "hit_rate", "mrr", "map", "ndcg")
            }
            shown = [item for _, ranked, _ in queries for item in ranked[:k]]
            expected |= {"coverage": len(set(shown)) / len(ITEMS), "gini": gini([shown.count(item) for item in ITEMS])}
            for name, value in expected.items():
                assert found[slice_key][f"{name}@{k}"]["doubleValue"] == pytest.approx(value, abs=1e-6)


def test_tfma_metrics_of_both_models_equal_the_means_of_query_results(evaluated: tuple[Path, Results, Path]) -> None:
    output, results, _ = evaluated
    masks: dict[tuple[tuple[str, str], ...], Any] = {(): np.ones(len(results), np.bool_)}
    masks |= {((name, group),): mask for name, groups in results.groups.items() for group, mask in groups.items()}
    for system in ("model", "previous"):
        found = tfma.load_eval_result(str(output), model_name=system).get_metrics_for_all_slices()
        assert found.keys() == masks.keys()
        assert {key[0][0] for key in masks if key} == {*SLICES, "sex"}
        for key, mask in masks.items():
            for metric in results.metrics:
                values = results.values(system, metric)[mask]
                expected = np.nanmean(values) if (~np.isnan(values)).any() else np.nan
                assert float(found[key][metric].get("doubleValue", np.nan)) == pytest.approx(
                    expected, abs=1e-6, nan_ok=True
                )


def test_floor_becomes_a_threshold_of_tfma(evaluated: tuple[Path, Results, Path]) -> None:
    output, results, _ = evaluated
    reached = np.nanmean(results.values("model", "recall@3")) >= 0.1
    assert tfma.load_validation_result(str(output)).validation_ok == reached


def test_query_results_have_every_query_and_system(evaluated: tuple[Path, Results, Path]) -> None:
    output, results, test = evaluated
    records = [
        record
        for path in sorted(test.glob("*"))
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator()
    ]
    features = [tf.train.Example.FromString(record).features.feature for record in records]
    expected = sorted(
        (each["user_id"].bytes_list.value[0].decode(), each["target_timestamp_s"].int64_list.value[0])
        for each in features
    )
    assert list(zip(results.user_ids, results.table["target_timestamp_s"].to_pylist(), strict=True)) == expected
    assert results.systems[:4] == ["model", "retrieval", "ranking", "previous"]
    assert {"popularity", "markov_three_back", "session_knn"} < set(results.systems)
    assert results.lists("model") == results.lists("ranking")  # which this model serves
    assert all(np.nansum(results.values(system, "repeats@3")) == 0 for system in results.systems)
    summary = summarize(results, read_tables(str(output.parent / "counts")).items, EVALUATION)
    assert summary["queries"] == len(records)
    assert summary["slices"]["sex"].keys() == {"f", "m"}


def test_evaluate_into_a_folder_with_wildcards_asks_for_another(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose another folder"):
        evaluate(local_pipeline(), EVALUATION, "", Sources("", "", None), 0, {}, f"{tmp_path}/[2024]")
