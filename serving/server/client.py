"""A client of `temporec serve` and of TensorFlow Serving: Python lists in, Python lists out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from schemas.errors import InputError
from schemas.features import QUERY_TIMESTAMPS_S, TIMESTAMPS_S
from serving.server.constants import MAX_MESSAGE_BYTES, MODEL_NAME

TIMEOUT_S = 30.0

Items = Sequence[Sequence[str]]
# What a model reads beside items, by the signature's names: for each history a list as long as the history; of
# query_timestamps_s a number.
Context = Mapping[str, Sequence[Any]]


class Recommendation(NamedTuple):
    """What may come next after one history, best first; fewer than k where no more items are left."""

    item_ids: list[str]
    scores: list[float]
    fallback: bool  # the history held no known item, so these are the popular ones


class Explanation(NamedTuple):
    """A recommendation, and the attention that each item of the history got (0 for one that was not read)."""

    recommendation: Recommendation
    attention: list[float]


class VersionState(NamedTuple):
    """What became of a version: TensorFlow Serving's name for its state, and the error, if any."""

    state: str
    error: str


class Client:
    """A connection, to be used as a context manager.

    Every method raises `InputError` where there is no server, no such model or
    the request does not fit it, and `grpc.RpcError` for what is the server's fault.

    Args:
        address: HOST:PORT.
        model_name: the name that the server knows the model by.
    """

    def __init__(self, address: str, model_name: str = MODEL_NAME) -> None:
        self._address = address
        self._model_name = model_name
        self._channel = grpc.insecure_channel(address, [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def recommend(
        self,
        histories: Items,
        k: int | None = None,
        exclude: Items | None = None,
        context: Context | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> list[Recommendation]:
        """What may come next after each history.

        Args:
            histories: item ids, oldest first.
            k: how many; the model's own number where None.
            exclude: for each history, or once for all of them, items never to recommend.
            context: times, the query's times and further columns; lists of text, of whole numbers or of floats.
            timeout_s: how long to wait.
        """
        inputs = {"item_ids": _padded(histories), **_inputs(context)}
        if k is not None:
            inputs["k"] = tf.make_tensor_proto(k, tf.int32)
        if exclude is not None:
            inputs["exclude"] = _padded(exclude)
        return _recommendations(self._predict("recommend", inputs, timeout_s))

    def score(
        self, histories: Items, candidates: Items, context: Context | None = None, timeout_s: float = TIMEOUT_S
    ) -> list[list[float]]:
        """The ranking task's score of each candidate after its history; the lowest float32 for an unknown one."""
        inputs = {"item_ids": _padded(histories), "candidate_ids": _padded(candidates), **_inputs(context)}
        scores = self._predict("score", inputs, timeout_s)["scores"].tolist()
        return [row[: len(given)] for row, given in zip(scores, candidates, strict=True)]

    def explain(
        self, histories: Items, context: Context | None = None, timeout_s: float = TIMEOUT_S
    ) -> list[Explanation]:
        """Recommendations with the attention that they rest on."""
        outputs = self._predict("explain", {"item_ids": _padded(histories), **_inputs(context)}, timeout_s)
        attention = [row[: len(h)] for row, h in zip(outputs["attention"].tolist(), histories, strict=True)]
        return [Explanation(*both) for both in zip(_recommendations(outputs), attention, strict=True)]

    def status(self, timeout_s: float = TIMEOUT_S) -> dict[int, VersionState]:
        """The state of every version that the server knows."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec())
        states = get_model_status_pb2.ModelVersionStatus.State
        return {
            version.version: VersionState(states.Name(version.state), version.status.error_message)
            for version in self._call(self._models.GetModelStatus, request, timeout_s).model_version_status
        }

    def metadata(self, timeout_s: float = TIMEOUT_S) -> dict[str, meta_graph_pb2.SignatureDef]:
        """The signatures of the served version by name."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec(), metadata_field=["signature_def"]
        )
        signatures = get_model_metadata_pb2.SignatureDefMap()
        self._call(self._prediction.GetModelMetadata, request, timeout_s).metadata["signature_def"].Unpack(signatures)
        return dict(signatures.signature_def)

    def _predict(self, signature: str, inputs: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        request = predict_pb2.PredictRequest(model_spec=self._spec(signature), inputs=inputs)
        outputs = self._call(self._prediction.Predict, request, timeout_s).outputs
        return {name: tf.make_ndarray(message) for name, message in outputs.items()}

    def _spec(self, signature: str = "") -> model_pb2.ModelSpec:
        return model_pb2.ModelSpec(name=self._model_name, signature_name=signature)

    def _call(self, method: Callable[..., Any], request: Any, timeout_s: float) -> Any:
        try:
            return method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            if error.code() not in _REMEDIES:
                raise
            raise InputError(
                expected=f"an answer from model {self._model_name!r} on {self._address} within {timeout_s:g} s",
                received=f"{error.code().name}: {error.details()}",
                remedy=_REMEDIES[error.code()],
            ) from error


_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "start the server (`temporec serve`) and give its HOST:PORT",
    grpc.StatusCode.UNIMPLEMENTED: "give the gRPC port of `temporec serve` or TensorFlow Serving",
    grpc.StatusCode.NOT_FOUND: "give the name that the server was started with",
    grpc.StatusCode.INVALID_ARGUMENT: "send what the model's signature takes",
    grpc.StatusCode.DEADLINE_EXCEEDED: "allow more time, or send fewer histories at once",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "send fewer histories at once",
}


def _padded(rows: Sequence[Sequence[Any]], kind: tf.DType = tf.string) -> Any:
    length = max((len(row) for row in rows), default=0)
    padded = [value for row in rows for value in (*row, *[_NONE[kind]] * (length - len(row)))]
    return tf.make_tensor_proto(padded, kind, [len(rows), length])


def _inputs(context: Context | None) -> dict[str, Any]:
    inputs = {}
    for name, rows in (context or {}).items():
        if name == QUERY_TIMESTAMPS_S:
            inputs[name] = tf.make_tensor_proto(rows, tf.int64, [len(rows)])
        elif name == TIMESTAMPS_S:
            inputs[name] = _padded(rows, tf.int64)
        elif any(len(row) for row in rows):  # of what nothing is known, the signature's default says so
            text = any(isinstance(value, str) for row in rows for value in row)
            inputs[name] = _padded(rows, tf.string if text else tf.float32)
    return inputs


_NONE = {tf.string: "", tf.int64: 0, tf.float32: float("nan")}


def _recommendations(outputs: dict[str, Any]) -> list[Recommendation]:
    rows = zip(*(outputs[name].tolist() for name in ("item_ids", "scores", "fallback")), strict=True)
    return [
        Recommendation([item.decode() for item in items if item], scores[: sum(map(bool, items))], fallback)
        for items, scores, fallback in rows
    ]
