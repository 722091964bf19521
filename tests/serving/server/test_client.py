"""The client against a real server: lists in, lists out, and messages for what the user can mend."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

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


def test_recommends_for_histories_of_any_length(client: Client) -> None:
    assert client.recommend([["d", "b"], ["f"], []]) == [
        Recommendation(["c", "e", "f", "a"], [0.0, -2.0, -3.0, -4.0], fallback=False),
        Recommendation(["a", "b", "c", "d"], [0.0, -1.0, -2.0, -3.0], fallback=False),
        Recommendation(["d", "a", "b", "e"], [0.5, 0.25, 0.125, 0.125], fallback=True),
    ]


def test_gives_k_items_and_fewer_where_no_more_are_left(client: Client) -> None:
    assert client.recommend([["d", "b"]], k=1) == [Recommendation(["c"], [0.0], fallback=False)]
    assert client.recommend([["a", "b", "c", "d", "e"]]) == [Recommendation(["f"], [0.0], fallback=False)]


def test_leaves_out_what_is_excluded_for_each_history_or_for_all(client: Client) -> None:
    assert [r.item_ids for r in client.recommend([["a"], ["c"]], k=2, exclude=[["b"], []])] == [["c", "d"], ["d", "e"]]
    assert [r.item_ids for r in client.recommend([["a"], ["c"]], k=2, exclude=[["d"]])] == [["b", "c"], ["e", "f"]]
    assert [r.item_ids for r in client.recommend([["a"]], k=2, exclude=[[]])] == [["b", "c"]]


def test_scores_candidates(client: Client) -> None:
    assert client.score([["a", "c"], ["b"]], [["f"], ["nope", "a"]]) == [[236.0], [LOWEST, 121.0]]


def test_explains_each_item_of_the_history(client: Client) -> None:
    long, short = client.explain([["f", "a", "nope", "b", "c"], ["a"]])

    assert long.attention == pytest.approx([0, 1 / 6, 0, 2 / 6, 3 / 6])
    assert short.attention == [1.0]
    assert [long.recommendation, short.recommendation] == client.recommend([["f", "a", "nope", "b", "c"], ["a"]])


def test_no_histories_have_no_recommendations(client: Client) -> None:
    assert client.recommend([]) == []


def test_tells_the_state_of_the_versions_and_the_signatures(client: Client) -> None:
    assert client.status() == {3: ("AVAILABLE", "")}
    assert set(client.metadata()) >= {"serving_default", "recommend", "score", "explain"}


def test_no_server_is_the_users_error() -> None:
    with Client("localhost:1") as client, pytest.raises(InputError, match="localhost:1") as caught:
        client.recommend([["a"]])

    assert "temporec serve" in caught.value.remedy


def test_an_unknown_model_is_the_users_error(address: str) -> None:
    with Client(address, model_name="other") as client:
        for call in (lambda: client.recommend([["a"]]), client.status, client.metadata):
            with pytest.raises(InputError, match="there is: 'temporec'"):
                call()


def test_a_request_that_does_not_fit_is_the_users_error(client: Client) -> None:
    with pytest.raises(InputError, match="INVALID_ARGUMENT"):
        client.recommend([["a"]], exclude=[["b"], ["c"]])
    with pytest.raises(InputError, match="INVALID_ARGUMENT"):
        client.recommend([["a"]], k=-1)


def test_a_server_that_takes_too_long_is_the_users_error() -> None:
    with (
        socket.create_server(("localhost", 0)) as silent,
        Client(f"localhost:{silent.getsockname()[1]}") as client,
        pytest.raises(InputError, match="DEADLINE_EXCEEDED") as caught,
    ):
        client.recommend([["a"]], timeout_s=0.3)

    assert "within 0.3 s" in caught.value.expected
