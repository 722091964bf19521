"""The client with a real server: lists as inputs and outputs, and messages for mistakes of the user."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError
from serving.server.client import Client, Recommendation
from serving.server.server import ModelServer
from tests.serving.successor import LOWEST


@pytest.fixture(scope="module")
def address(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base_path = tmp_path_factory.mktemp("base")
    shutil.copytree(model, base_path / "3")
    with ModelServer(base_path) as server:
        yield f"localhost:{server.port}"


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


def test_recommend_histories_of_any_length_are_answered(client: Client) -> None:
    assert client.recommend([["d", "b"], ["f"], []]) == [
        Recommendation(["c", "e", "f", "a"], [0.0, -2.0, -3.0, -4.0], fallback=False),
        Recommendation(["a", "b", "c", "d"], [0.0, -1.0, -2.0, -3.0], fallback=False),
        Recommendation(["d", "a", "b", "e"], [0.5, 0.25, 0.125, 0.125], fallback=True),
    ]


def test_recommend_k_beyond_the_items_left_returns_fewer(client: Client) -> None:
    assert client.recommend([["d", "b"]], k=1) == [Recommendation(["c"], [0.0], fallback=False)]
    assert client.recommend([["a", "b", "c", "d", "e"]]) == [Recommendation(["f"], [0.0], fallback=False)]


def test_recommend_exclude_of_each_history_or_of_all_is_left_out(client: Client) -> None:
    assert [r.item_ids for r in client.recommend([["a"], ["c"]], k=2, exclude=[["b"], []])] == [["c", "d"], ["d", "e"]]
    assert [r.item_ids for r in client.recommend([["a"], ["c"]], k=2, exclude=[["d"]])] == [["b", "c"], ["e", "f"]]
    assert [r.item_ids for r in client.recommend([["a"]], k=2, exclude=[[]])] == [["b", "c"]]


def test_score_returns_a_score_for_each_candidate(client: Client) -> None:
    assert client.score([["a", "c"], ["b"]], [["f"], ["nope", "a"]]) == [[236.0], [LOWEST, 121.0]]


def test_explain_returns_attention_to_each_item(client: Client) -> None:
    long, short = client.explain([["f", "a", "nope", "b", "c"], ["a"]])

    assert long.attention == pytest.approx([0, 1 / 6, 0, 2 / 6, 3 / 6])
    assert short.attention == [1.0]
    assert [long.recommendation, short.recommendation] == client.recommend([["f", "a", "nope", "b", "c"], ["a"]])


def test_recommend_without_histories_is_empty(client: Client) -> None:
    assert client.recommend([]) == []


def test_status_and_metadata_return_versions_and_signatures(client: Client) -> None:
    assert client.status() == {3: ("AVAILABLE", "")}
    assert set(client.metadata()) >= {"serving_default", "recommend", "score", "explain"}


def test_recommend_without_a_server_raises_input_error() -> None:
    with Client("localhost:1") as client, pytest.raises(InputError, match="localhost:1") as caught:
        client.recommend([["a"]])

    assert "temporec serve" in caught.value.remedy


def test_calls_unknown_model_raise_input_error(address: str) -> None:
    with Client(address, model_name="other") as client:
        for call in (lambda: client.recommend([["a"]]), client.status, client.metadata):
            with pytest.raises(InputError, match="there is: 'temporec'"):
                call()


def test_recommend_request_that_does_not_fit_raises_input_error(client: Client) -> None:
    with pytest.raises(InputError, match="INVALID_ARGUMENT"):
        client.recommend([["a"]], context={"nope": [["b"]]})


def test_recommend_another_number_of_exclude_lists_raises_input_error(client: Client) -> None:
    with pytest.raises(InputError, match="exclude with 3 lists") as caught:
        client.recommend([["a"], ["b"]], exclude=[["b"], ["c"], ["d"]])

    assert caught.value.expected == "exclude for each of 2 histories, or one list for all of them"


@pytest.mark.parametrize("wrong", [50, None, 1.5])
def test_calls_ids_that_are_no_text_raise_input_error(client: Client, wrong: Any) -> None:
    for call in (
        lambda: client.recommend([["a", wrong]]),
        lambda: client.recommend([["a"]], exclude=[[wrong]]),
        lambda: client.explain([[wrong]]),
        lambda: client.score([["a"]], [["a", wrong]]),
    ):
        with pytest.raises(InputError, match=rf"as text\nreceived: {wrong}"):
            call()


def test_recommend_after_the_timeout_raises_input_error() -> None:
    with (
        socket.create_server(("localhost", 0)) as silent,
        Client(f"localhost:{silent.getsockname()[1]}") as client,
        pytest.raises(InputError, match="DEADLINE_EXCEEDED") as caught,
    ):
        client.recommend([["a"]], timeout_s=0.3)

    assert "within 0.3 s" in caught.value.expected


def test_score_one_list_of_candidates_is_for_all_histories(client: Client) -> None:
    assert client.score([["a", "c"], ["b"]], [["f", "a"]]) == [[236.0, 231.0], [126.0, 121.0]]


def test_score_another_number_of_candidate_lists_raises_input_error(client: Client) -> None:
    with pytest.raises(InputError, match="candidates with 3 lists") as caught:
        client.score([["a"], ["b"]], [["f"], ["a"], ["c"]])

    assert caught.value.expected == "candidates for each of 2 histories, or one list for all of them"


@pytest.mark.parametrize("k", [-1, 0, 2**31, 2**32 + 1])
def test_recommend_k_out_of_range_raises_input_error(client: Client, k: int) -> None:
    with pytest.raises(InputError, match="k from 1 to 2147483647") as caught:
        client.recommend([["a"]], k=k)

    assert caught.value.received == str(k)


def test_recommend_largest_k_returns_all_items_left(client: Client) -> None:
    (answer,) = client.recommend([["a"]], k=2**31 - 1)
    assert answer.item_ids == ["b", "c", "d", "e", "f"]


@pytest.mark.parametrize("wrong", ["ab", 7, None])
def test_calls_value_instead_of_a_list_raise_input_error(client: Client, wrong: Any) -> None:
    for call in (
        lambda: client.recommend(wrong),
        lambda: client.recommend([wrong]),
        lambda: client.recommend([["a"], wrong]),
        lambda: client.recommend([["a"]], exclude=[wrong]),
        lambda: client.explain([wrong]),
        lambda: client.score([wrong], [["a"]]),
        lambda: client.score([["a"]], [wrong]),
    ):
        with pytest.raises(InputError, match=rf"list of lists of item ids\nreceived: .*{wrong}"):
            call()


@pytest.mark.parametrize("port", [-1, 0, 65536, 8500 + 65536])
def test_client_port_out_of_range_raises_input_error(port: int) -> None:
    with pytest.raises(InputError, match="a port from 1 to 65535"):
        Client(f"localhost:{port}")


def test_client_of_a_loopback_address_ignores_the_proxy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("localhost", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://localhost:{proxy.getsockname()[1]}")
        for variable in ("no_proxy", "no_grpc_proxy"):
            monkeypatch.delenv(variable, raising=False)
        for host in ("localhost", "127.0.0.1"):
            with Client(f"{host}:{address.rpartition(':')[2]}") as client:
                assert client.recommend([["f"]], k=1, timeout_s=20)[0].item_ids == ["a"]


def test_client_behind_a_proxy_that_fails_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:secret@localhost:1")
    for variable in ("no_proxy", "no_grpc_proxy", "grpc_proxy"):
        monkeypatch.delenv(variable, raising=False)

    with Client("models.invalid:8500") as client, pytest.raises(InputError) as caught:
        client.recommend([["a"]])

    assert caught.value.remedy.endswith(
        "or add models.invalid to no_proxy: the request went through the proxy that https_proxy names"
    )
    assert "secret" not in caught.value.remedy
