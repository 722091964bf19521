"""Checks of ports and addresses, and the choice of a proxy."""

import pytest

from schemas.errors import InputError
from serving.server.address import check_address, check_listening_port, host_of, is_loopback, proxy_variable


@pytest.mark.parametrize("port", [0, 1, 65535])
def test_check_listening_port_in_range_is_accepted(port: int) -> None:
    check_listening_port(port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_check_listening_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(InputError, match=f"received: {port}"):
        check_listening_port(port)


@pytest.mark.parametrize("address", ["localhost:1", "[::1]:65535", "dns:///a.b:8500", "unix:/a/b:99999", "xds:///a"])
def test_check_address_in_range_or_of_another_form_is_accepted(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    ["localhost", "localhost:", "dns:///a.b", "localhost:0", "localhost:-1", "[::1]:65536", "dns:///a.b:99999"],
)
def test_check_address_without_a_port_or_out_of_range_is_refused(address: str) -> None:
    with pytest.raises(InputError) as caught:
        check_address(address)
    assert caught.value.received == address


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("localhost:8500", "localhost"),
        ("[::1]:8500", "::1"),
        ("ipv6:[::1]:8500", "::1"),
        ("dns://8.8.8.8/a.b:8500", "a.b"),
        ("unix:/tmp/socket", ""),
    ],
)
def test_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost.com", False),
        ("128.0.0.1", False),
        ("", False),
    ],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected


@pytest.mark.parametrize(
    ("variables", "host", "expected"),
    [
        ({}, "a.b", None),
        ({"https_proxy": "http://p:1"}, "a.b", "https_proxy"),
        ({"http_proxy": "http://p:1", "grpc_proxy": "http://p:1"}, "a.b", "grpc_proxy"),
        ({"https_proxy": ""}, "a.b", None),
        ({"https_proxy": "http://p:1"}, "localhost", None),
        ({"https_proxy": "http://p:1", "no_proxy": "c.d, .b"}, "a.b", None),
        ({"https_proxy": "http://p:1", "no_proxy": "c.d,"}, "a.b", "https_proxy"),
    ],
)
def test_proxy_variable(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str, expected: str | None
) -> None:
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert proxy_variable(host) == expected
