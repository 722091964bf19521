"""A servable answers valid messages of TensorFlow Serving, and refuses others with the reason."""

from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2

from serving.server.servable import RequestError, Servable

HISTORY = tf.make_tensor_proto([["d", "b"]])
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def servable(model: Path) -> Servable:
    return Servable(model, 1)


def shape(*sizes: int) -> tensor_shape_pb2.TensorShapeProto:
    return tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in sizes])


def test_predict_answers_in_the_typed_fields_of_a_message(servable: Servable) -> None:
    answer = servable.predict("recommend", {"item_ids": HISTORY})

    assert set(answer) == {"item_ids", "scores", "fallback"}
    assert list(answer["item_ids"].string_val) == [b"c", b"e", b"f", b"a"]
    assert list(answer["scores"].float_val) == [0.0, -2.0, -3.0, -4.0]
    assert list(answer["fallback"].bool_val) == [False]
    assert answer["item_ids"].tensor_shape == shape(1, 4)


def test_predict_missing_input_has_the_default_of_the_signature(servable: Servable) -> None:
    given: dict[str, Any] = {
        "item_ids": HISTORY,
        "timestamps_s": tf.make_tensor_proto([[2, 1]], tf.int64),
        "exclude": tf.make_tensor_proto([["e"]]),
        "k": tf.make_tensor_proto(2),
    }

    def best(*names: str) -> list[bytes]:
        return list(servable.predict("recommend", {name: given[name] for name in names})["item_ids"].string_val)

    assert best("item_ids", "k") == [b"c", b"e"]
    assert best("item_ids", "exclude") == [b"c", b"f", b"a", b""]
    assert best("item_ids", "timestamps_s") == [b"e", b"f", b"a", b"c"]
    assert best("item_ids", "timestamps_s", "exclude", "k") == [b"f", b"a"]


def test_predict_wanted_outputs_returns_only_them(servable: Servable) -> None:
    assert set(servable.predict("explain", {"item_ids": HISTORY}, ["attention", "scores"])) == {"attention", "scores"}


def test_predict_short_message_is_a_tensor_of_equal_values(servable: Servable) -> None:
    message = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape(1, 3), string_val=[b"b"])

    assert servable.predict("score", {"item_ids": HISTORY, "candidate_ids": message})["scores"].float_val == [222.0] * 3


@pytest.mark.parametrize(
    ("signature", "inputs", "wanted", "reason"),
    [
        (
            "rank",
            {"item_ids": HISTORY},
            [],
            "'rank' not found; there are: embed, evaluate, explain, recommend, score, serving_default",
        ),
        ("recommend", {}, [], "input item_ids of 'recommend' is missing"),
        ("score", {"item_ids": HISTORY}, [], "input candidate_ids of 'score' is missing"),
        ("explain", {"item_ids": HISTORY, "k": HISTORY}, [], "no input k of 'explain'; there are: item_ids"),
        ("explain", {"item_ids": HISTORY}, ["logits"], "no output logits of 'explain'; there are: attention, fallback"),
        ("explain", {"item_ids": tf.make_tensor_proto([[1]])}, [], "'item_ids' must be string, received int32"),
        ("explain", {"item_ids": tensor_pb2.TensorProto()}, [], "'item_ids' must be string, received type 0"),
        ("explain", {"item_ids": tf.make_tensor_proto(["a"])}, [], r"\(None, None\), received \[1\]"),
        ("recommend", {"item_ids": HISTORY, "k": tf.make_tensor_proto([2])}, [], r"of shape \(\), received \[1\]"),
        ("recommend", {"item_ids": HISTORY, "k": tf.make_tensor_proto(-1)}, [], "k"),
        ("recommend", {"item_ids": HISTORY, "exclude": tf.make_tensor_proto([["a"]] * 3)}, [], "shape"),
        ("serving_default", {"examples": tf.make_tensor_proto(["no example"])}, [], "parse"),
        ("serving_default", {"examples": tf.make_tensor_proto([b"\xff\xffgarbage"])}, [], r"parse.*\\xff\\xffgarbage"),
        ("evaluate", {"examples": tf.make_tensor_proto([b"", b"\x0a\xff"])}, [], "parse"),
        ("score", {"item_ids": HISTORY, "candidate_ids": tf.make_tensor_proto([["a"]] * 3)}, [], "shape"),
    ],
)
def test_predict_invalid_request_is_refused_with_the_reason(
    servable: Servable, signature: str, inputs: dict[str, Any], wanted: list[str], reason: str
) -> None:
    with pytest.raises(RequestError, match=reason) as caught:
        servable.predict(signature, inputs, wanted)

    assert caught.value.code == INVALID


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"tensor_shape": shape(1, 1), "tensor_content": b"a"}, "does not hold the values"),
        ({"tensor_shape": shape(1, 1), "string_val": [b"a", b"b"]}, "does not hold the values"),
        ({"tensor_shape": shape(-1, 2), "string_val": [b"a", b"b"]}, "received"),
        ({"tensor_shape": tensor_shape_pb2.TensorShapeProto(unknown_rank=True)}, "received"),
        ({"tensor_shape": shape(2**31, 2**31), "string_val": [b"a"]}, "more than"),
    ],
)
def test_predict_malformed_tensor_message_is_refused(servable: Servable, message: dict[str, Any], reason: str) -> None:
    with pytest.raises(RequestError, match=reason) as caught:
        servable.predict("explain", {"item_ids": tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, **message)})

    assert caught.value.code == INVALID


def test_servable_of_another_model_and_type_answers(tmp_path: Path) -> None:
    class Half(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([2], tf.float64, name="x")])
        def half(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": x / 2}

    module = Half()
    tf.saved_model.save(module, str(tmp_path / "half"), signatures={"serving_default": module.half})
    servable = Servable(tmp_path / "half", 1)
    servable.warm_up()

    answer = servable.predict("serving_default", {"x": tf.make_tensor_proto(np.array([3.0, 5.0]))})

    assert tf.make_ndarray(answer["y"]).tolist() == [1.5, 2.5]
