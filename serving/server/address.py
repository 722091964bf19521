"""Checks of ports and addresses, and the way around a proxy. Imports no framework, so the command line may use it."""

from __future__ import annotations

import ipaddress
import os
import re

from schemas.errors import InputError

# gRPC's address forms that have a host: HOST:PORT, and the same after `dns:///`, `ipv4:` or `ipv6:`.
_ADDRESS = re.compile(r"(?:dns:(?://[^/]*/)?|ipv4:|ipv6:)?(\[[^\]]*\]|[^:/]*)(?::(-?\d*))?")
_PROXY_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")  # in gRPC's order
_NO_PROXY_VARIABLES = ("no_grpc_proxy", "no_proxy")


def check_listening_port(port: int) -> None:
    """Check a port to listen on. gRPC itself takes any integer modulo 65,536.

    Args:
        port: the port; 0 means any free port.

    Raises:
        InputError: the port is not from 0 to 65535.
    """
    if not 0 <= port <= 65535:
        raise InputError(
            expected="a port from 0 to 65535",
            received=str(port),
            remedy="give a free port, or 0 to pick one",
        )


def check_address(address: str) -> None:
    """Check the port of a server's address. gRPC itself takes any integer modulo 65,536, and 443 for none.

    Args:
        address: HOST:PORT, or another address that gRPC knows.

    Raises:
        InputError: there is no port, or it is not from 1 to 65535.
    """
    found = _ADDRESS.fullmatch(address)
    if found and not 1 <= int(found[2] or 0) <= 65535:
        raise InputError(
            expected="HOST:PORT with a port from 1 to 65535",
            received=address,
            remedy="give the gRPC port that the server prints when it starts",
        )


def host_of(address: str) -> str:
    """Return the host of an address, "" if it has none."""
    found = _ADDRESS.fullmatch(address)
    return found[1].strip("[]") if found else ""


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine's own loopback interface."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".").split(".")[-1] == "localhost"


def proxy_variable(host: str) -> str | None:
    """Return the environment variable whose proxy gRPC uses for a host, or None if it connects directly."""
    excluded = next((os.environ[name] for name in _NO_PROXY_VARIABLES if os.environ.get(name)), "")
    if is_loopback(host) or any(host.endswith(each.strip()) for each in excluded.split(",") if each.strip()):
        return None
    return next((name for name in _PROXY_VARIABLES if os.environ.get(name)), None)
