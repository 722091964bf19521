"""Settings of the user's own Keras have no influence on temporec."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OWN = {"backend": "torch", "floatx": "float16", "epsilon": 0.5, "image_data_format": "channels_first"}
CHOICE = """
import json
import trainer
import keras
import tensorflow as tf
import trainer.training.fit
dense = tf.keras.layers.Dense(1)
dense.build([None, 1])
package = type(dense).__module__.partition(".")[0]
print(json.dumps([package, keras.backend.backend(), dense.kernel.dtype.name, tf.keras.backend.epsilon()]))
"""


@pytest.mark.parametrize(
    "environment", [{}, {"KERAS_BACKEND": "jax", "TF_USE_LEGACY_KERAS": "0"}], ids=["file", "both"]
)
def test_training_uses_keras_2_and_tensorflow_in_float32_with_other_settings_of_the_user(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    settings = tmp_path / ".keras" / "keras.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps(OWN))
    inherited = {name: value for name, value in os.environ.items() if "KERAS" not in name}

    ran = subprocess.run(
        [sys.executable, "-c", CHOICE],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, "HOME": str(tmp_path), **environment},
    )

    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads(ran.stdout.splitlines()[-1]) == ["tf_keras", "tensorflow", "float32", 1e-7]
    assert json.loads(settings.read_text()) == OWN
