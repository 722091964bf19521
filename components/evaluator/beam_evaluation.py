"""One pass over the test split: the metrics of every system, aggregated by TFMA and kept for each query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2  # tfma itself exports these with TFX 1.16 only

from components.evaluator.queries import read_queries
from components.evaluator.query_metrics import MODEL, PREVIOUS, MeasuredBatch, measure, metric_names, schema, to_table
from components.evaluator.query_results import QUERIES
from components.evaluator.slices import SLICES, SliceContext, slices
from components.evaluator.systems import QUERIES_AT_ONCE, Sources, Systems, load_systems, system_names
from components.evaluator.tfma_metrics import ROWS, VALUES, metric_configs
from schemas.config.evaluation import EvaluatorConfig
from schemas.file_patterns import escape_folder, refuse_wildcards


def evaluate(
    pipeline: beam.Pipeline,
    evaluation: EvaluatorConfig,
    examples: str,
    sources: Sources,
    catalogue_size: int,
    floors: Mapping[str, float],
    output: str,
) -> None:
    """Add the steps of an evaluation to a Beam pipeline.

    The steps write TFMA's files for the model and the previous model, in all slices. They also write `queries/`,
    Parquet files with a row for each query.

    Args:
        pipeline: the Beam pipeline. The steps run when it runs.
        evaluation: the settings.
        examples: the folder of the test examples, TFRecord.gz files.
        sources: the models, the counts of the baselines, and the table of items.
        catalogue_size: the number of items that can be recommended.
        floors: metric -> lowest value that TFMA's validation accepts.
        output: the folder to write.

    Raises:
        InputError: the path of the folder contains a wildcard character.

    Example:
        >>> with beam.Pipeline() as pipeline:  # doctest: +SKIP
        ...     evaluate(pipeline, config.evaluator_config, "examples/Split-test", sources, 1_682, {}, "evaluation")
    """
    refuse_wildcards(output, "the evaluation")
    measured = (
        pipeline
        | "ReadExamples" >> beam.io.ReadFromTFRecord(escape_folder(f"{examples}/*"))
        | "Batch" >> beam.BatchElements(min_batch_size=QUERIES_AT_ONCE, max_batch_size=QUERIES_AT_ONCE)
        | "Measure" >> beam.ParDo(_Measure(sources, evaluation))
    )
    columns = schema(system_names(sources), slice_names(evaluation), evaluation.ks)
    tables = measured | "ToTable" >> beam.Map(to_table, evaluation.ks)
    _ = tables | "WriteQueries" >> beam.io.WriteToParquetBatched(
        f"{output}/{QUERIES}/part", columns, file_name_suffix=".parquet"
    )
    config = eval_config(evaluation, catalogue_size, floors, compared=sources.previous is not None)
    _ = (
        measured
        | "Unbatch" >> beam.FlatMap(_extracts, compared=sources.previous is not None)
        | "Analyze"
        >> tfma.ExtractAndEvaluate(
            extractors=[tfma.extractors.SliceKeyExtractor(eval_config=config)],
            evaluators=tfma.default_evaluators(eval_config=config),
        )
        | "WriteResults" >> tfma.WriteResults(writers=tfma.default_writers(output, eval_config=config))
    )


def slice_names(evaluation: EvaluatorConfig) -> list[str]:
    """Return the names of an evaluation's slices.

    Args:
        evaluation: the settings.

    Returns:
        The built-in slices, then those of the configured columns.
    """
    return [*SLICES, *(each.name for each in evaluation.slices)]


def eval_config(
    evaluation: EvaluatorConfig, catalogue_size: int, floors: Mapping[str, float], *, compared: bool
) -> config_pb2.EvalConfig:
    """Make TFMA's configuration: all metrics, over all queries and in each slice.

    Args:
        evaluation: the settings.
        catalogue_size: the number of items that can be recommended.
        floors: metric -> lowest value, which becomes a threshold of TFMA.
        compared: whether there is a previous model.

    Returns:
        The configuration.
    """
    models = [config_pb2.ModelSpec(name=MODEL)]
    if compared:
        models.append(config_pb2.ModelSpec(name=PREVIOUS, is_baseline=True))
    config = config_pb2.EvalConfig(
        model_specs=models,
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[name]) for name in slice_names(evaluation)),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=metric_configs(metric_names(evaluation.ks), evaluation.ks, catalogue_size, dict(floors)),
                model_names=[model.name for model in models],
            )
        ],
    )
    config.options.include_default_metrics.value = False
    return config


class _Measure(beam.DoFn):
    """The step from serialized examples to a `MeasuredBatch`."""

    def __init__(self, sources: Sources, evaluation: EvaluatorConfig) -> None:
        self._sources = sources
        self._evaluation = evaluation

    def setup(self) -> None:
        self._systems: Systems = load_systems(self._sources, self._evaluation)
        catalogue, values = self._systems.catalogue, self._systems.item_values
        self._context = SliceContext(catalogue, self._evaluation.slices, self._evaluation.times, values)

    def process(self, examples: list[bytes]) -> Iterator[MeasuredBatch]:
        queries = read_queries(examples, [each.feature for each in self._evaluation.slices if each.feature])
        answers = self._systems.answers(examples, queries)
        groups = slices(queries, self._context)
        yield measure(queries, groups, answers, self._systems.catalogue, self._evaluation.ks)


def _extracts(measured: MeasuredBatch, *, compared: bool) -> Iterator[tfma.Extracts]:
    """Yield TFMA's input for each query: its groups as features, and the metrics of the models as predictions."""
    for row in range(len(measured.queries)):
        of_model = {
            system: {VALUES: measured.values[system][row], ROWS: measured.rows[system][row]}
            for system in ((MODEL, PREVIOUS) if compared else (MODEL,))
        }
        yield {
            tfma.INPUT_KEY: b"",  # TFMA counts its bytes
            tfma.LABELS_KEY: np.array(measured.queries.targets[row], object),
            tfma.FEATURES_KEY: {name: np.array(groups[row], object) for name, groups in measured.groups.items()},
            tfma.PREDICTIONS_KEY: of_model if compared else of_model[MODEL],
        }
