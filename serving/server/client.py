"""A client of the development server and of TensorFlow Serving, with Python lists as inputs and outputs."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Collection, Mapping, Sequence
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
from serving.server.address import check_address, host_of, is_loopback, proxy_variable
from serving.server.constants import MAX_MESSAGE_BYTES, MODEL_NAME

TIMEOUT_S = 30.0
MAX_K = 2**31 - 1  # the signature's k is an int32

Items = Sequence[Sequence[str]]
# Inputs in addition to items, by their names in the signature. Each history has a list as long as the history, and
# one number for query_timestamps_s.
Context = Mapping[str, Sequence[Any]]


class Recommendation(NamedTuple):
    """The recommendations after one history, best first; fewer than k if no more items are left."""

    item_ids: list[str]
    scores: list[float]
    fallback: bool  # whether these are popular items, because the history has no known item


class Explanation(NamedTuple):
    """A recommendation, and the attention to each item of the history (0 for an item that was not read)."""

    recommendation: Recommendation
    attention: list[float]


class VersionState(NamedTuple):
    """The state of a version in TensorFlow Serving's terms, and its error or ""."""

    state: str
    error: str


class Client:
    """A connection to a model server, as a context manager.

    Loopback addresses are reached directly, also if the environment names a proxy.

    Args:
        address: HOST:PORT of the server's gRPC port.
        model_name: the name of the model on the server.

    Raises:
        InputError: the port is not from 1 to 65535. Every method raises it
            too: if no server answers, if the server has no such model, or if
            the request does not fit the model.
        grpc.RpcError: by every method, for a fault of the server.

    Example:
        ```python
        with Client("localhost:8500") as client:
            (answer,) = client.recommend([["50", "181", "172"]], k=2)
        answer.item_ids
        # ['174', '210']
        ```
    """

    def __init__(self, address: str, model_name: str = MODEL_NAME) -> None:
        check_address(address)
        self._address = address
        self._model_name = model_name
        options: list[tuple[str, Any]] = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
        if is_loopback(host_of(address)):
            options.append(("grpc.enable_http_proxy", 0))
        self._channel = grpc.insecure_channel(address, options)
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
        """Recommend items after each history.

        Args:
            histories: item ids, oldest first.
            k: number of items; None for the model's own number.
            exclude: items never to recommend, for each history, or one list for all of them.
            context: times, the times of the queries and further columns, as lists of text, integers or floats.
            timeout_s: the longest time to wait.

        Returns:
            A recommendation for each history.

        Raises:
            InputError: see `Client`. Also if `histories` or `exclude` is not a
                list of lists of text, their lengths differ, or `k` is not from
                1 to 2,147,483,647.
        """
        inputs = {"item_ids": _item_ids("histories", histories), **_inputs(context)}
        if k is not None:
            _check_k(k)
            inputs["k"] = tf.make_tensor_proto(k, tf.int32)
        if exclude is not None:
            inputs["exclude"] = _item_ids("exclude", exclude)
            _check_rows("exclude", exclude, histories)
        return _recommendations(self._predict("recommend", inputs, timeout_s))

    def score(
        self, histories: Items, candidates: Items, context: Context | None = None, timeout_s: float = TIMEOUT_S
    ) -> list[list[float]]:
        """Score candidates with the ranking task.

        Args:
            histories: item ids, oldest first.
            candidates: item ids to score, for each history, or one list for all of them.
            context: see `recommend`.
            timeout_s: the longest time to wait.

        Returns:
            A score for each candidate of each history; the lowest float32 for an unknown candidate.

        Raises:
            InputError: see `Client`. Also if `histories` or `candidates` is
                not a list of lists of text, or their lengths differ.
        """
        item_ids, candidate_ids = _item_ids("histories", histories), _item_ids("candidates", candidates)
        _check_rows("candidates", candidates, histories)
        inputs = {"item_ids": item_ids, "candidate_ids": candidate_ids, **_inputs(context)}
        scores = self._predict("score", inputs, timeout_s)["scores"].tolist()
        rows = candidates if len(candidates) == len(histories) else [*candidates] * len(histories)
        return [row[: len(given)] for row, given in zip(scores, rows, strict=True)]

    def explain(
        self, histories: Items, context: Context | None = None, timeout_s: float = TIMEOUT_S
    ) -> list[Explanation]:
        """Recommend items after each history, with the attention to each item of the history.

        Args:
            histories: item ids, oldest first.
            context: see `recommend`.
            timeout_s: the longest time to wait.

        Returns:
            An explanation for each history.

        Raises:
            InputError: see `Client`. Also if `histories` is not a list of lists of text.
        """
        inputs = {"item_ids": _item_ids("histories", histories), **_inputs(context)}
        outputs = self._predict("explain", inputs, timeout_s)
        attention = [row[: len(h)] for row, h in zip(outputs["attention"].tolist(), histories, strict=True)]
        return [Explanation(*both) for both in zip(_recommendations(outputs), attention, strict=True)]

    def status(self, timeout_s: float = TIMEOUT_S) -> dict[int, VersionState]:
        """Return the state of every version that the server knows.

        Args:
            timeout_s: the longest time to wait.

        Returns:
            The states by version.

        Raises:
            InputError: see `Client`.
        """
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec())
        states = get_model_status_pb2.ModelVersionStatus.State
        return {
            version.version: VersionState(states.Name(version.state), version.status.error_message)
            for version in self._call(self._models.GetModelStatus, request, timeout_s).model_version_status
        }

    def metadata(self, timeout_s: float = TIMEOUT_S) -> dict[str, meta_graph_pb2.SignatureDef]:
        """Return the signatures of the served version.

        Args:
            timeout_s: the longest time to wait.

        Returns:
            The signatures by name.

        Raises:
            InputError: see `Client`.
        """
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
                remedy=_REMEDIES[error.code()] + self._proxy_hint(error.code()),
            ) from error

    def _proxy_hint(self, code: grpc.StatusCode) -> str:
        host = host_of(self._address)
        variable = proxy_variable(host)
        if variable is None or code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return ""
        return f"; or add {host} to no_proxy: the request went through the proxy that {variable} names"


_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "start the server (`temporec serve`) and give its HOST:PORT",
    grpc.StatusCode.UNIMPLEMENTED: "give the gRPC port of `temporec serve` or TensorFlow Serving",
    grpc.StatusCode.NOT_FOUND: "give the name that the server was started with",
    grpc.StatusCode.INVALID_ARGUMENT: "send what the model's signature takes",
    grpc.StatusCode.DEADLINE_EXCEEDED: "allow more time, or send fewer histories at once",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "send fewer histories at once",
}


def _check_k(k: int) -> None:
    if not 1 <= k <= MAX_K:
        raise InputError(expected=f"k from 1 to {MAX_K}", received=str(k), remedy="ask for another number of items")


def _check_rows(name: str, rows: Items, histories: Items) -> None:
    if len(rows) not in (1, len(histories)):
        raise InputError(
            expected=f"{name} for each of {len(histories)} histories, or one list for all of them",
            received=f"{name} with {len(rows)} lists",
            remedy=f"give as many lists in {name} as in histories, or one",
        )


def _item_ids(name: str, rows: Items) -> Any:
    """Return lists of item ids as a tensor message, and refuse text that would be read letter by letter."""
    if not _is_list(rows) or not all(map(_is_list, rows)):
        raise InputError(
            expected=f"{name} as a list of lists of item ids",
            received=reprlib.repr(rows),
            remedy='write [["a", "b"]] for one list with two items',
        )
    for value in (value for row in rows for value in row):
        if not isinstance(value, str | bytes):
            raise InputError(
                expected=f"item ids in {name} as text",
                received=reprlib.repr(value),
                remedy="give each id as it is written in the log, like str(50)",
            )
    return _padded(rows)


def _is_list(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


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
        elif any(len(row) for row in rows):  # without any value, the default of the signature applies
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
