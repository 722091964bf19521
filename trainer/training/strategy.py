"""Distribution: the strategy, and the part of a batch that each replica computes."""

from __future__ import annotations

import os

import tensorflow as tf

from schemas.config import DistributionStrategy
from schemas.errors import InputError

_VARIABLES = {"multi_worker": "TF_CONFIG", "tpu": "TPU_NAME"}  # environment variables by strategy


def make_strategy(kind: DistributionStrategy) -> tf.distribute.Strategy:
    """Return TensorFlow's strategy for `train.strategy`.

    `mirrored` uses all GPUs of this machine, or all logical CPUs without a
    GPU. `multi_worker` reads its workers from the environment variable
    TF_CONFIG, and `tpu` its address from TPU_NAME.

    Args:
        kind: the setting.

    Raises:
        InputError: the environment variable is missing or invalid.
    """
    try:
        return _make(kind)
    except (ValueError, OSError) as error:  # OSError if no TPU can be reached
        raise InputError(
            expected=f"a valid {_VARIABLES.get(kind, 'device')} for train.strategy {kind}",
            received=str(error),
            remedy="set the environment variable as TensorFlow documents it, or set train.strategy to none",
        ) from None


def _make(kind: DistributionStrategy) -> tf.distribute.Strategy:
    if kind == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if kind == "multi_worker":
        if "TF_CONFIG" not in os.environ:  # without it, TensorFlow would train on each machine alone
            raise ValueError("TF_CONFIG is not set")
        return tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    return tf.distribute.get_strategy()


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Wait until all workers have called this: a sum over all of them ends no sooner.

    Args:
        strategy: from `make_strategy`.
    """

    def total() -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(lambda: tf.constant(0.0)), axis=None)

    tf.function(total, autograph=False)()


def distribute(strategy: tf.distribute.Strategy, batches: tf.data.Dataset) -> tf.data.Dataset:
    """Shard every batch by rows over the replicas.

    Keras would distribute whole batches by a rule that depends on the
    strategy. With shards of a batch, a step sees the same histories on any
    number of devices.

    Args:
        strategy: from `make_strategy`.
        batches: of dictionaries of tensors [batch, ...].

    Returns:
        A dataset with the rows of each replica: equally many, except that the
        last replicas may have fewer or none.
    """

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        replicas = context.num_replicas_in_sync
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here

        def split(batch: dict[str, tf.Tensor]) -> tf.data.Dataset:
            rows = -(-tf.shape(next(iter(batch.values())), tf.int64)[0] // replicas)
            return tf.data.Dataset.range(first, first + here).map(
                lambda replica: {name: values[replica * rows : (replica + 1) * rows] for name, values in batch.items()}
            )

        return batches if replicas == 1 else batches.flat_map(split).prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(of_worker)
