"""More than one device: which strategy, and which part of a batch each replica computes."""

from __future__ import annotations

import os

import tensorflow as tf

from schemas.config import DistributionStrategy
from schemas.errors import InputError


def make_strategy(kind: DistributionStrategy) -> tf.distribute.Strategy:
    """The strategy of `train.strategy`.

    `mirrored` takes all GPUs of this machine, or all logical CPUs where there
    is none; `multi_worker` is told its workers by the environment variable
    TF_CONFIG, `tpu` its address by TPU_NAME.

    Raises:
        InputError: the variable is not there, or not what it must be.
    """
    try:
        return _made(kind)
    except (ValueError, OSError) as error:  # the latter where a TPU cannot be asked for
        raise InputError(
            expected=f"what train.strategy {kind} is told by the environment: TF_CONFIG of workers, TPU_NAME of a TPU",
            received=str(error),
            remedy="set the variable as TensorFlow documents it, or train.strategy to none",
        ) from None


def _made(kind: DistributionStrategy) -> tf.distribute.Strategy:
    if kind == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if kind == "multi_worker":
        if "TF_CONFIG" not in os.environ:  # TensorFlow would make of each machine a lone worker
            raise ValueError("no TF_CONFIG")
        return tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes for all."""
    resolver = strategy.cluster_resolver
    return (
        not resolver
        or not resolver.cluster_spec()
        or (resolver.task_type, resolver.task_id)
        in {
            ("worker", 0),
            ("chief", 0),
            (None, None),
        }
    )


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here: a sum over all of them ends no sooner."""

    def total() -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(lambda: tf.constant(0.0)), axis=None)

    tf.function(total, autograph=False)()


def distribute(strategy: tf.distribute.Strategy, batches: tf.data.Dataset) -> tf.data.Dataset:
    """Gives each replica its rows of every batch: equal numbers, but that the last ones may have fewer, or none.

    Keras would deal out whole batches by a rule that depends on the strategy;
    this way a step sees the same histories on any number of devices.
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
