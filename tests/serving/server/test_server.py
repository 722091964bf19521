"""The development server over a real socket, called with TensorFlow Serving's own stubs."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from schemas.errors import InputError
from serving.server.server import ModelServer
from tests.serving.successor import ITEMS

State = get_model_status_pb2.ModelVersionStatus.State
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
POLL_S = 0.05


class Api:
    """The stubs of a server on this machine, for the model "temporec" by default."""

    def __init__(self, port: int) -> None:
        self.channel = grpc.insecure_channel(f"localhost:{port}")
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self._health = health_pb2_grpc.HealthStub(self.channel)

    def predict(self, inputs: dict[str, Any], wanted: tuple[str, ...] = (), **spec: Any) -> Any:
        return self._prediction.Predict(
            predict_pb2.PredictRequest(model_spec=_spec(**spec), inputs=inputs, output_filter=wanted), timeout=30
        )

    def after(self, *history: str) -> str:
        answer = self.predict({"item_ids": tf.make_tensor_proto([history])}, signature_name="recommend")
        return str(answer.outputs["item_ids"].string_val[0].decode())

    def metadata(self, *fields: str, **spec: Any) -> Any:
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=_spec(**spec), metadata_field=fields)
        return self._prediction.GetModelMetadata(request, timeout=30)

    def status(self, **spec: Any) -> dict[int, tuple[int, str]]:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=_spec(**spec))
        answer = self._models.GetModelStatus(request, timeout=30).model_version_status
        return {each.version: (each.state, each.status.error_message) for each in answer}

    def health(self) -> int:
        return int(self._health.Check(health_pb2.HealthCheckRequest(), timeout=30).status)


def _spec(name: str = "temporec", version: int | None = None, **rest: Any) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=name, **rest)
    if version is not None:
        spec.version.value = version
    return spec


@pytest.fixture
def base_path(tmp_path: Path, model: Path) -> Path:
    """A folder of versions that holds version 1."""
    shutil.copytree(model, tmp_path / "models" / "1")
    return tmp_path / "models"


@pytest.fixture
def api(base_path: Path) -> Iterator[Api]:
    with ModelServer(base_path, poll_interval_s=POLL_S) as server, Api(server.port).channel:
        yield Api(server.port)


def add(model: Path, base_path: Path, version: int) -> None:
    """Add a version as the Pusher does: copy it next to the others, then rename it."""
    shutil.copytree(model, base_path / f"{version}.partial").rename(base_path / str(version))


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "still not after a minute"
        time.sleep(0.02)


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


HISTORY = {"item_ids": tf.make_tensor_proto([["d", "b"]])}


def test_predict_answer_names_its_version_and_signature(api: Api) -> None:
    answer = api.predict(HISTORY, signature_name="recommend", wanted=("item_ids",))

    assert list(answer.outputs) == ["item_ids"]
    assert list(answer.outputs["item_ids"].string_val) == [b"c", b"e", b"f", b"a"]
    assert answer.model_spec == _spec(version=1, signature_name="recommend")


def test_predict_without_a_signature_uses_the_default_one(api: Api) -> None:
    answer = api.predict({"examples": tf.make_tensor_proto([b""])})

    assert list(answer.outputs["item_ids"].string_val) == [b"d", b"a", b"b", b"e"]
    assert answer.model_spec.signature_name == "serving_default"


def test_predict_over_the_socket_equals_a_direct_call(api: Api, model: Path) -> None:
    random = np.random.default_rng(0)
    history = random.choice([*ITEMS, "nope", ""], [200, 7])
    candidates = random.choice([*ITEMS, "nope"], [200, 5])
    loaded = tf.saved_model.load(str(model)).signatures

    for name, inputs in {
        "explain": {"item_ids": history},
        "score": {"item_ids": history, "candidate_ids": candidates},
    }.items():
        answer = api.predict({key: tf.make_tensor_proto(rows) for key, rows in inputs.items()}, signature_name=name)
        times = tf.zeros([1, 1], tf.int64)  # the default, which a server fills in
        direct = loaded[name](timestamps_s=times, **{key: tf.constant(rows) for key, rows in inputs.items()})
        assert set(answer.outputs) == set(direct)
        for key, value in direct.items():
            served = tf.make_ndarray(answer.outputs[key])
            if key == "item_ids":
                assert served.tolist() == value.numpy().tolist()
            else:
                np.testing.assert_allclose(served, value.numpy(), rtol=1e-6)


def test_metadata_is_the_signatures_of_the_saved_model(api: Api, model: Path) -> None:
    answer = api.metadata("signature_def")

    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    assert dict(signatures.signature_def) == dict(saved.meta_graphs[0].signature_def)
    assert answer.model_spec == _spec(version=1)


def test_calls_unknown_name_are_refused_with_the_valid_names(api: Api) -> None:
    not_found, invalid = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT

    assert refused(lambda: api.predict(HISTORY, name="other")) == (not_found, "no model 'other'; there is: 'temporec'")
    assert refused(lambda: api.status(name="other"))[0] == not_found
    assert refused(lambda: api.metadata("signature_def", name="other"))[0] == not_found
    assert refused(lambda: api.predict(HISTORY, version=2)) == (not_found, "version 2 is not served; there is: 1")
    assert refused(lambda: api.status(version=2)) == (not_found, "no version 2; there are: [1]")
    assert refused(lambda: api.predict(HISTORY, version_label="stable"))[0] == not_found
    assert refused(api.metadata) == (invalid, "metadata_field must be ['signature_def'], received []")
    code, message = refused(lambda: api.predict(HISTORY, signature_name="rank"))
    assert (code, message) == (
        invalid,
        "signature 'rank' not found; there are: embed, evaluate, explain, recommend, score, serving_default",
    )
    assert refused(lambda: api.predict(HISTORY, signature_name="score"))[0] == invalid


def test_predict_after_a_refused_request_is_answered(api: Api) -> None:
    wrong = {"item_ids": tf.make_tensor_proto([["a"]]), "timestamps_s": tf.make_tensor_proto([[1, 2, 3]], tf.int64)}

    code, message = refused(lambda: api.predict(wrong, signature_name="recommend"))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "shape" in message
    assert api.after("a") == "b"


def test_predict_long_error_message_is_cut_to_the_size_of_a_header(api: Api) -> None:
    code, message = refused(lambda: api.predict(HISTORY, signature_name="€" * 20_000))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert message.startswith("signature '€€€")


def test_predict_request_above_the_default_limit_of_grpc_is_answered(api: Api) -> None:
    history = {"item_ids": tf.make_tensor_proto([["unknown" * 100] * 10_000 + ["a"]])}
    assert history["item_ids"].ByteSize() > 4 * 1024 * 1024

    answer = api.predict(history, signature_name="recommend")

    assert answer.outputs["item_ids"].string_val[0] == b"b"


def test_server_new_version_takes_over_without_a_failed_request(api: Api, base_path: Path, second_model: Path) -> None:
    answers: list[str] = []
    failed: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                answers.append(api.after("a"))
            except grpc.RpcError as error:
                failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: "b" in answers)
    add(second_model, base_path, 2)
    wait_until(lambda: "c" in answers)
    stop.set()
    for thread in threads:
        thread.join()

    assert failed == []
    assert set(answers) == {"b", "c"}
    assert api.after("a") == "c"
    assert api.status() == {2: (State.AVAILABLE, ""), 1: (State.END, "")}
    assert refused(lambda: api.predict(HISTORY, version=1))[1] == "version 1 is not served; there is: 2"


def test_server_broken_version_is_reported_and_the_old_one_answers(api: Api, base_path: Path) -> None:
    (base_path / "2").mkdir()
    (base_path / "2" / "saved_model.pb").write_bytes(b"no model")

    wait_until(lambda: 2 in api.status() and api.status()[2][0] == State.END)

    assert api.after("a") == "b"
    assert api.health() == SERVING
    assert api.status()[1] == (State.AVAILABLE, "")
    assert api.status(version=2)[2][1] != ""


def test_server_incomplete_version_is_never_served(api: Api, base_path: Path, second_model: Path) -> None:
    shutil.copytree(second_model, base_path / "5.partial")
    shutil.copytree(second_model, base_path / "6", ignore=lambda *_: ["saved_model.pb"])
    # Once 3 is found the others have been looked at too: higher numbers come first.
    add(second_model, base_path, 3)

    wait_until(lambda: 3 in api.status() and api.status()[3][0] == State.AVAILABLE)

    assert set(api.status()) == {1, 3}


def test_server_without_a_version_waits_for_the_first_one(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ModelServer(tmp_path, poll_interval_s=POLL_S) as server, Api(server.port).channel:
        api = Api(server.port)
        code, message = refused(lambda: api.after("a"))
        assert code == grpc.StatusCode.UNAVAILABLE
        assert str(tmp_path) in message
        assert api.health() == NOT_SERVING
        assert api.status() == {}
        assert str(tmp_path) in caplog.text

        add(model, tmp_path, 7)
        wait_until(lambda: api.health() == SERVING)

        assert api.after("a") == "b"


def test_server_whose_folder_is_removed_goes_on_answering(api: Api, base_path: Path, second_model: Path) -> None:
    shutil.rmtree(base_path)
    time.sleep(3 * POLL_S)
    assert api.after("a") == "b"

    base_path.mkdir()
    add(second_model, base_path, 2)

    wait_until(lambda: api.after("a") == "c")


def test_server_port_in_use_raises_input_error(base_path: Path) -> None:
    with ModelServer(base_path) as server, pytest.raises(InputError, match=str(server.port)):
        ModelServer(base_path, server.port)


def test_server_missing_base_path_raises_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        ModelServer(tmp_path / "nowhere")


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_server_port_out_of_range_raises_input_error(base_path: Path, port: int) -> None:
    with pytest.raises(InputError, match="a port from 0 to 65535") as caught:
        ModelServer(base_path, port)

    assert caught.value.received == str(port)


def test_predict_bytes_that_cannot_be_parsed_are_an_invalid_argument(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = {"examples": tf.make_tensor_proto([b"\xff\xffgarbage"])}

    code, message = refused(lambda: api.predict(garbage))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert r"\xff\xffgarbage" in message
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_port_and_stops_on_a_signal(base_path: Path, number: signal.Signals) -> None:
    code = "import sys, pathlib, serving.server.server as s; s.serve(pathlib.Path(sys.argv[1]), 0, model_name='mine')"
    with subprocess.Popen([sys.executable, "-c", code, str(base_path)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith(f"temporec serves version 1 of mine from {base_path}; gRPC on port ")
            with Api(int(line.split()[-1])).channel as channel:
                stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
                request = predict_pb2.PredictRequest(
                    model_spec=_spec(name="mine", signature_name="recommend"), inputs=HISTORY
                )
                assert stub.Predict(request, timeout=60).outputs["item_ids"].string_val[0] == b"c"

            process.send_signal(number)

            assert process.wait(timeout=30) == 0
            assert process.stdout.read() == "stopping\n"
        finally:
            process.kill()  # a test that failed would otherwise wait for it
