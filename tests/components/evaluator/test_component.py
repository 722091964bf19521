from pathlib import Path
from types import SimpleNamespace

import pytest
from tfx.types import standard_artifacts

from components.evaluator.component import Evaluator
from schemas.errors import InputError
from tests.components.evaluated import EVALUATION


def test_evaluator_without_the_folder_of_the_previous_model_raises(tmp_path: Path) -> None:
    examples, model, previous, other = (
        kind()
        for kind in (standard_artifacts.Examples, *[standard_artifacts.Model] * 2, standard_artifacts.ModelEvaluation)
    )
    examples.split_names = '["test"]'
    for artifact, name in ((examples, "examples"), (model, "model"), (previous, "previous"), (other, "other")):
        artifact.uri = str(tmp_path / name)
    with pytest.raises(InputError) as error:
        Evaluator.EXECUTOR_SPEC.executor_class._FUNCTION(
            examples=examples,
            model=model,
            counts=other,
            evaluation=other,
            settings=EVALUATION.model_dump_json(),
            floors="{}",
            code="",
            previous=previous,
            beam_pipeline=SimpleNamespace(),
        )
    assert f"the previous model, which the new one is compared with: {tmp_path}/previous/Format-Serving" in str(
        error.value
    )
    assert "put it back, or give another --root" in str(error.value)
