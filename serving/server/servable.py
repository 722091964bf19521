"""A version of a saved model, called with TensorFlow Serving's messages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from serving.server.constants import MAX_MESSAGE_BYTES

SAVED_MODEL_FILE = "saved_model.pb"
DEFAULT_SIGNATURE = "serving_default"

# The fields in which TensorFlow Serving answers. Clients in other languages read them.
_FIELDS = {
    tf.string: "string_val",
    tf.float32: "float_val",
    tf.bool: "bool_val",
    tf.int32: "int_val",
    tf.int64: "int64_val",
}


class RequestError(Exception):
    """A request that cannot be answered, with a status code and the reason."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self.code = code
        super().__init__(message)


def _signature_defs(path: Path) -> Mapping[str, meta_graph_pb2.SignatureDef]:
    saved = saved_model_pb2.SavedModel.FromString((path / SAVED_MODEL_FILE).read_bytes())
    (graph,) = (graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags)
    signatures: Mapping[str, meta_graph_pb2.SignatureDef] = graph.signature_def
    return signatures


class Servable:
    """A loaded version of a model.

    Args:
        path: the folder with `saved_model.pb`.
        version: the number of the version.
    """

    def __init__(self, path: Path, version: int) -> None:
        self.version = version
        self._model = tf.saved_model.load(str(path))  # holds the variables that the functions read
        self._functions = dict(self._model.signatures)
        self.signature_defs = _signature_defs(path)

    def warm_up(self) -> None:
        """Answer one request for each signature, because the first request is slow.

        Each input is one empty string or zero.
        """
        for name in self._functions:
            inputs = {}
            for key, info in self.signature_defs[name].inputs.items():
                shape = [1 if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
                inputs[key] = tf.make_tensor_proto(tf.zeros(shape, info.dtype))
            self.predict(name, inputs)

    def predict(
        self, signature: str, inputs: Mapping[str, tensor_pb2.TensorProto], wanted: Iterable[str] = ()
    ) -> dict[str, tensor_pb2.TensorProto]:
        """Run a signature.

        Args:
            signature: its name.
            inputs: the inputs of the request; defaults of the signature fill in the rest.
            wanted: names of outputs; empty for all.

        Returns:
            The wanted outputs by name.

        Raises:
            RequestError: the signature, an input or an output is unknown, or an input does not fit.
        """
        if signature not in self._functions:
            raise _invalid(f"signature {signature!r} not found; there are: {_names(self._functions)}")
        definition = self.signature_defs[signature]
        outputs = list(wanted) or list(definition.outputs)
        if unknown := set(outputs) - set(definition.outputs):
            raise _invalid(f"no output {_names(unknown)} of {signature!r}; there are: {_names(definition.outputs)}")
        given = {**definition.defaults, **inputs}
        if unknown := set(given) - set(definition.inputs):
            raise _invalid(f"no input {_names(unknown)} of {signature!r}; there are: {_names(definition.inputs)}")
        if missing := set(definition.inputs) - set(given):
            raise _invalid(f"input {_names(missing)} of {signature!r} is missing")
        tensors = {key: _tensor(key, given[key], info) for key, info in definition.inputs.items()}
        try:
            answer = self._functions[signature](**tensors)
        except tf.errors.OpError as error:
            code = next(code for code in grpc.StatusCode if code.value[0] == error.error_code)
            raise RequestError(code, error.message) from error
        except UnicodeDecodeError as error:  # TensorFlow quotes the input in its message, and cannot decode it
            raise _invalid(error.object.decode(errors="backslashreplace")) from error
        return {name: _message(answer[name]) for name in outputs}


def _tensor(name: str, message: tensor_pb2.TensorProto, info: meta_graph_pb2.TensorInfo) -> tf.Tensor:
    expected, shape = tf.as_dtype(info.dtype), tf.TensorShape(info.tensor_shape)
    if message.dtype != info.dtype:
        raise _invalid(f"input {name!r} must be {expected.name}, received {_type_name(message.dtype)}")
    sizes = [dim.size for dim in message.tensor_shape.dim]
    if min(sizes, default=0) < 0 or not shape.is_compatible_with(sizes):
        raise _invalid(f"input {name!r} must be of shape {shape}, received {sizes}")
    # A short message may mean a tensor of any size: its last value is repeated.
    if math.prod(sizes) > MAX_MESSAGE_BYTES:
        raise _invalid(f"input {name!r} of shape {sizes} has more than {MAX_MESSAGE_BYTES} values")
    try:
        return tf.constant(tf.make_ndarray(message), expected, sizes)
    except (TypeError, ValueError) as error:
        raise _invalid(f"input {name!r} does not hold the values of a tensor of shape {sizes}: {error}") from error


def _message(tensor: tf.Tensor) -> tensor_pb2.TensorProto:
    if tensor.dtype not in _FIELDS:
        return tf.make_tensor_proto(tensor)
    message = tensor_pb2.TensorProto(dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto())
    getattr(message, _FIELDS[tensor.dtype]).extend(tensor.numpy().ravel().tolist())
    return message


def _type_name(number: int) -> str:
    try:
        return str(tf.as_dtype(number).name)
    except TypeError:
        return f"type {number}"


def _names(names: Iterable[Any]) -> str:
    return ", ".join(sorted(names))


def _invalid(message: str) -> RequestError:
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, message)
