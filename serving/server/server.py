"""The development server: TensorFlow Serving's gRPC API for the versions of one model, in this process.

It has `PredictionService` (Predict, GetModelMetadata), `ModelService`
(GetModelStatus) and the standard health service. While one version answers,
the server loads a new one and warms it up. Then the new version takes over.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from schemas.errors import InputError
from serving.server.address import check_listening_port
from serving.server.constants import MAX_MESSAGE_BYTES, MODEL_NAME
from serving.server.servable import DEFAULT_SIGNATURE, RequestError, Servable
from serving.server.versions import Versions

POLL_INTERVAL_S = 2.0
GRACE_S = 10.0  # time for running requests after the server was asked to stop
SIGNAL_CHECK_S = 0.5  # a wait without a limit would miss a signal that another thread received
WORKERS = 16  # requests answered at the same time
LONGEST_MESSAGE = 600  # characters: gRPC sends them in a header of 8 KB, with up to 12 bytes each

_log = logging.getLogger("temporec.serving")
_SIGNATURE_DEF = "signature_def"  # the only metadata that exists
_HEALTH_NAMES = ("", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")


class _Model:
    """The served model by its name. It finds the version that a request names, or aborts the request."""

    def __init__(self, name: str, versions: Versions) -> None:
        self._name = name
        self.versions = versions

    @contextmanager
    def answering(self, spec: model_pb2.ModelSpec, context: grpc.ServicerContext) -> Iterator[int | None]:
        """Yield the version that the request names, and turn errors in the block into a status."""
        try:
            if spec.name != self._name:
                raise RequestError(grpc.StatusCode.NOT_FOUND, f"no model {spec.name!r}; there is: {self._name!r}")
            if spec.version_label:
                raise RequestError(
                    grpc.StatusCode.NOT_FOUND, f"no version is labelled {spec.version_label!r}; name it by its number"
                )
            yield spec.version.value if spec.HasField("version") else None
        except RequestError as error:
            context.abort(error.code, str(error)[:LONGEST_MESSAGE])

    def spec(self, servable: Servable, signature: str = "") -> model_pb2.ModelSpec:
        """Return the model, the version and the signature that an answer comes from."""
        spec = model_pb2.ModelSpec(name=self._name, signature_name=signature)
        spec.version.value = servable.version
        return spec


class _Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, model: _Model) -> None:
        self._model = model

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        with self._model.answering(request.model_spec, context) as version, self._model.versions.lease(version) as it:
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            outputs = it.predict(signature, request.inputs, request.output_filter)
            return predict_pb2.PredictResponse(model_spec=self._model.spec(it, signature), outputs=outputs)

    def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        with self._model.answering(request.model_spec, context) as version, self._model.versions.lease(version) as it:
            if set(request.metadata_field) != {_SIGNATURE_DEF}:
                raise RequestError(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"metadata_field must be [{_SIGNATURE_DEF!r}], received {list(request.metadata_field)}",
                )
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=it.signature_defs)
            response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=self._model.spec(it))
            response.metadata[_SIGNATURE_DEF].Pack(signatures)
            return response


class _Status(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, model: _Model) -> None:
        self._model = model

    def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        response = get_model_status_pb2.GetModelStatusResponse()
        with self._model.answering(request.model_spec, context) as version:
            statuses = self._model.versions.statuses()
            if version is not None and version not in statuses:
                raise RequestError(
                    grpc.StatusCode.NOT_FOUND, f"no version {version}; there are: {sorted(statuses, reverse=True)}"
                )
            for number in sorted(statuses, reverse=True) if version is None else [version]:
                status = statuses[number]
                entry = response.model_version_status.add(version=number, state=status.state)
                if status.error:
                    entry.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
                    entry.status.error_message = status.error
        return response


class ModelServer:
    """The development server, as a context manager.

    After the block is entered, the server answers with the highest version in
    the folder. It follows new versions until the block ends.

    Args:
        base_path: the folder of versions.
        port: the port to listen on, on all interfaces; 0 picks a free one.
        model_name: the name of the model in requests.
        poll_interval_s: the time between two looks for new versions.

    Raises:
        InputError: `base_path` is not a folder of versions, the port is not from 0 to 65535, or it is in use.

    Example:
        ```python
        with ModelServer(Path("runs/quickstart/models")) as server:
            with Client(f"localhost:{server.port}") as client:
                (answer,) = client.recommend([["50", "181"]])
        ```
    """

    def __init__(
        self,
        base_path: Path,
        port: int = 0,
        *,
        model_name: str = MODEL_NAME,
        poll_interval_s: float = POLL_INTERVAL_S,
    ) -> None:
        check_listening_port(port)
        self._base_path = base_path
        self._poll_interval_s = poll_interval_s
        self._stop = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="versions", daemon=True)
        self._health = health.HealthServicer()
        self.versions = Versions(base_path)
        model = _Model(model_name, self.versions)
        # Without so_reuseport=0 a second server takes the same port without an error.
        options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(WORKERS), options=options)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Prediction(model), self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Status(model), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = _listen(self._server, port)

    def __enter__(self) -> ModelServer:
        self._report_health()
        self._server.start()
        self._look()
        if self.versions.served is None:
            _log.warning("no version in %s yet: answering UNAVAILABLE until there is one", self._base_path)
        self._poller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._health.enter_graceful_shutdown()
        self._server.stop(GRACE_S).wait()
        self._poller.join()

    def _poll(self) -> None:
        while not self._stop.wait(self._poll_interval_s):
            self._look()

    def _look(self) -> None:
        try:
            self.versions.refresh()
        except OSError as error:
            _log.error("cannot look for versions in %s: %s", self._base_path, error)
        self._report_health()

    def _report_health(self) -> None:
        serving = self.versions.served is not None
        status = health_pb2.HealthCheckResponse
        for name in _HEALTH_NAMES:
            self._health.set(name, status.SERVING if serving else status.NOT_SERVING)


def serve(
    model_base_path: Path,
    port: int,
    *,
    model_name: str = MODEL_NAME,
    poll_interval_s: float = POLL_INTERVAL_S,
) -> None:
    """Serve until SIGINT or SIGTERM, then let running requests end.

    Args:
        model_base_path: the folder of versions.
        port: the port to listen on; 0 picks a free one.
        model_name: the name of the model in requests.
        poll_interval_s: the time between two looks for new versions.

    Raises:
        InputError: see `ModelServer`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ModelServer(model_base_path, port, model_name=model_name, poll_interval_s=poll_interval_s) as server:
        version = server.versions.served
        what = "no version yet" if version is None else f"version {version}"
        print(f"temporec serves {what} of {model_name} from {model_base_path}; gRPC on port {server.port}", flush=True)
        while not stop.wait(SIGNAL_CHECK_S):
            pass
        print("stopping", flush=True)


def _listen(server: grpc.Server, port: int) -> int:
    try:
        found: int = server.add_insecure_port(f"[::]:{port}")
    except RuntimeError:
        found = 0
    if not found:
        raise InputError(
            expected=f"port {port} to be free, and this user to be allowed to listen on it",
            received="a port that cannot be listened on",
            remedy="stop what listens there, or choose another port",
        )
    return found
