"""The Refit as a TFX component, between the gate and the Pusher."""

import tensorflow_transform as tft
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.baselines.tables import read_catalogue, read_counted_split
from components.common.example_batches import split_pattern
from components.common.stores import copy_folder
from components.common.versions import JUDGED
from components.gate.blessing import write_blessing
from components.gate.export_checks import check_refit
from components.gate.verdict import GateVerdict, read_verdict
from schemas.config import TrainerConfig
from schemas.config.evaluation import GateConfig
from schemas.features import EVAL, REFIT, TEST, VOCABULARY
from trainer.network.model_info import copy_model_info
from trainer.network.shown_scorer import read_shown_weights
from trainer.run_fn import export_model, read_fit_data
from trainer.training.refit import recount, retrain
from trainer.training.trained_state import read_trained_state


@component
def Refit(  # type: ignore[no-untyped-def]
    examples: InputArtifact[standard_artifacts.Examples],
    transform_graph: InputArtifact[standard_artifacts.TransformGraph],
    model: InputArtifact[standard_artifacts.Model],
    model_run: InputArtifact[standard_artifacts.ModelRun],
    counts: InputArtifact[standard_artifacts.ModelEvaluation],
    refit_counts: InputArtifact[standard_artifacts.ModelEvaluation],
    judgement: InputArtifact[standard_artifacts.ModelBlessing],
    refitted_model: OutputArtifact[standard_artifacts.Model],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    kind: Parameter[str],
    training: Parameter[str],
    gate: Parameter[str],
    code: Parameter[str],
    items: InputArtifact[standard_artifacts.ModelEvaluation] = None,
):
    """Compute a blessed model or its counts anew from the whole log, and check the result for gross faults.

    The judged model is kept inside the refitted one, in `components.common.versions.JUDGED`. A later candidate must be
    compared with it, because the refitted model has seen the test split. Without a blessing nothing is computed.

    Args:
        examples: the examples of the log, with the split `REFIT`.
        transform_graph: Transform's output.
        model: the judged model.
        model_run: its training, with the trained weights.
        counts: the counts of the component `Baselines` on the training split.
        refit_counts: the counts of the same component on the split `REFIT`.
        judgement: the blessing of `ModelGate`.
        refitted_model: receives the model to push; empty without a blessing.
        blessing: receives `verdict.json` with the checks of the gate and of the refit.
        kind: the setting `train.refit`, `counts` or `full`.
        training: a `TrainerConfig` as JSON.
        gate: a `GateConfig` as JSON.
        code: the digest of the sources, as a part of the cache key.
        items: the table of items, if the model reads columns of it.
    """
    verdict = read_verdict(judgement.uri)
    if verdict.blessed:
        config, required = TrainerConfig.model_validate_json(training), GateConfig.model_validate_json(gate)
        judged, path = (path_utils.serving_model_path(each.uri) for each in (model, refitted_model))
        transform = tft.TFTransformOutput(transform_graph.uri)
        whole, held_out = ([split_pattern(examples.uri, split)] for split in (REFIT, EVAL))
        table = items.uri if items else ""
        data = read_fit_data(whole, held_out, refit_counts.uri, table, config, transform)
        refitted = {"counts": recount, "full": retrain}[kind](data, config, read_trained_state(model_run.uri))
        vocabulary_file = transform.vocabulary_file_by_name(VOCABULARY)
        shown = read_shown_weights(model_run.uri)
        export_model(refitted, path, refit_counts.uri, table, config, vocabulary_file, shown)
        trained_on = {
            name: read_counted_split(folder.uri)._asdict()
            for name, folder in (("judged", counts), ("served", refit_counts))
        }
        copy_model_info(judged, path, refit={"kind": kind, **trained_on})
        test, validation = (artifact_utils.get_split_uris([examples], split)[0] for split in (TEST, EVAL))
        catalogue, remove_seen = read_catalogue(counts.uri), config.serving.remove_seen
        checks = check_refit(path, judged, required, catalogue, test, validation, remove_seen=remove_seen)
        verdict = GateVerdict((*verdict.checks, *checks))
        copy_folder(judged, f"{path}/{JUDGED}")  # after the check of the size
    write_blessing(blessing, verdict, refitted_model)
