"""The metrics through TFMA itself, on a saved model whose lists can be read off."""

import math

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx_bsl.tfxio import tf_example_record

from components.evaluation import eval_config
from components.verdict import read_verdict
from schemas.config import Gate

TARGETS = "abcdefgh"  # eight examples; the model always answers a, b, c


class Constant(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        rows = tf.shape(examples)[0]
        served, other = (tf.tile([ids], [rows, 1]) for ids in (["a", "b", "c"], ["c", "b", "d"]))
        return {"item_ids": served, "retrieval_item_ids": other, "ranking_item_ids": served}


class Empty(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        rows = tf.shape(examples)[0]
        served = tf.tile([["a", "", ""]], [rows, 1])
        return {"item_ids": served, "retrieval_item_ids": served, "ranking_item_ids": served}


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("examples") / "examples.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for target in TARGETS:
            features = {"target_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[target.encode()]))}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for kind in (Constant, Empty):
        module = kind()
        tf.saved_model.save(module, str(folder / kind.__name__), signatures={"evaluate": module.serve})
    return folder


def evaluate(output, examples, gate, model, baseline=None):
    utils = getattr(tfma, "utils", tfma)
    config = utils.update_eval_config_with_defaults(
        eval_config(gate), has_baseline=baseline is not None, rubber_stamp=True
    )
    shared = [
        tfma.default_eval_shared_model(
            eval_saved_model_path=str(baseline if spec.is_baseline else model), model_name=spec.name, eval_config=config
        )
        for spec in config.model_specs
    ]
    source = tf_example_record.TFExampleRecord(examples, raw_record_column_name=tfma.ARROW_INPUT_COLUMN)
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        _ = (
            pipeline
            | source.BeamSource()
            | tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=shared if baseline else shared[0], eval_config=config, output_path=str(output)
            )
        )
    return read_verdict(str(output), gate, catalogue_size=12)


def test_metrics_are_means_over_the_examples(tmp_path, examples, models):
    verdict = evaluate(tmp_path, examples, Gate(min_recall=0.3), models / "Constant")
    # Of eight targets, a is found at rank 1, b at 2, c at 3; three of twelve items are ever shown.
    assert verdict.metrics == pytest.approx(
        {
            "recall@10": 3 / 8,
            "ndcg@10": (1 + 1 / math.log2(3) + 1 / 2) / 8,
            "mrr@10": (1 + 1 / 2 + 1 / 3) / 8,
            "precision@10": 3 / 80,
            "coverage@10": 3 / 12,
        }
    )
    assert verdict.blessed
    assert verdict.orders["ranking"]["mrr@10"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 8)
    assert verdict.orders["retrieval"]["mrr@10"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 8)  # of c, b and d
    assert verdict.orders["retrieval"]["ndcg@10"] == pytest.approx((1 + 1 / math.log2(3) + 1 / 2) / 8)


def test_a_model_below_the_floor_is_refused(tmp_path, examples, models):
    verdict = evaluate(tmp_path, examples, Gate(min_recall=0.4), models / "Constant")
    assert not verdict.blessed
    assert verdict.reasons[0] == "recall@10 0.3750 is below the floor 0.4000"


@pytest.mark.parametrize(("max_loss", "blessed"), [(0.2, False), (0.3, True)])
def test_a_model_may_lose_so_much_against_the_last_blessed_one(tmp_path, examples, models, max_loss, blessed):
    # The candidate finds only a, 1 in 8; the last blessed model 3 in 8: it lies .25 below.
    verdict = evaluate(tmp_path, examples, Gate(max_loss=max_loss), models / "Empty", baseline=models / "Constant")
    assert verdict.blessed is blessed
    assert "-0.2500 against the last blessed model" in verdict.reasons[1]


def test_empty_places_in_a_list_are_not_items(tmp_path, examples, models):
    assert evaluate(tmp_path, examples, Gate(), models / "Empty").metrics["coverage@10"] == pytest.approx(1 / 12)
