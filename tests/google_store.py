"""A real server of Google's storage API: fake-gcs-server.

TensorFlow and Google's clients know the addresses of Google only. They connect through a proxy, which has a certificate
for these addresses and asks the server on this machine instead.
"""

from __future__ import annotations

import datetime
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.go_tools import free_address, go_tool, wait_for

MODULE, VERSION = "github.com/fsouza/fake-gcs-server", "v1.56.1"
GOOGLE_BUCKET = f"temporec-{os.getpid()}"  # processes of tests share the folder /gcs


@contextmanager
def google_store(folder: Path) -> Iterator[dict[str, str]]:
    """Serve Google's storage API, with an empty bucket.

    Args:
        folder: a folder for the certificate and the credentials.

    Yields:
        The environment with which TensorFlow and Google's clients find the server.
    """
    server = go_tool(MODULE, VERSION)
    address = free_address()
    host, port = address.split(":")
    command = [str(server), "-backend", "memory", "-scheme", "http", "-host", host, "-port", port]
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
        _proxy(folder, address) as proxy,
    ):
        try:
            wait_for(address)
            requests.post(f"http://{address}/storage/v1/b", json={"name": GOOGLE_BUCKET}, timeout=30).raise_for_status()
            environment = {
                "https_proxy": proxy,
                "no_proxy": "localhost,127.0.0.1",
                "CURL_CA_BUNDLE": str(folder / "certificate.pem"),  # TensorFlow
                "REQUESTS_CA_BUNDLE": str(folder / "certificate.pem"),
                "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "credentials.json"),
                "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",  # TensorFlow asks for its token at an address of its own
            }
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                yield environment
        finally:
            process.kill()


@contextmanager
def _proxy(folder: Path, address: str) -> Iterator[str]:
    key = _write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.close_connection = True
            self.send_response(200)
            self.end_headers()
            with context.wrap_socket(self.connection, server_side=True) as client:
                _pass_on(client, address)

        def do_POST(self) -> None:  # a token for the credentials
            answer = json.dumps({"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        (folder / "credentials.json").write_text(json.dumps(service_account(url, key)))
        yield url
        server.shutdown()


def _pass_on(client: ssl.SSLSocket, address: str) -> None:
    """Pass on one request, and close the connection after the answer.

    Google takes the header "Transfer-Encoding: identity" of TensorFlow, and the batches of its client for Python, which
    number no part. The server takes neither.
    """
    request = client.makefile("rb")
    start = request.readline()
    if not start:
        return
    headers = http.client.parse_headers(request)
    if headers["Expect"]:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = _read_body(request, headers)
    body = body.replace(b"Content-Type: application/http\n", b"Content-Type: application/http\nContent-ID: <0>\n")
    for name in ("Transfer-Encoding", "Content-Length", "Connection", "Expect"):
        del headers[name]
    headers["Content-Length"], headers["Connection"], headers["X-Forwarded-Proto"] = str(len(body)), "close", "https"
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as server:
        server.sendall(start + bytes(headers) + body)
        while answer := server.recv(1 << 16):
            client.sendall(answer)


def _read_body(request: BinaryIO, headers: Message) -> bytes:
    if headers["Transfer-Encoding"] != "chunked":
        return request.read(int(headers["Content-Length"] or 0))
    chunks = []
    while size := int(request.readline(), 16):
        chunks.append(request.read(size))
        request.readline()
    request.readline()
    return b"".join(chunks)


def _write_certificate(folder: Path) -> str:
    """Write a certificate for Google's addresses, and return its private key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "googleapis.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    for extension, critical in [
        (x509.SubjectAlternativeName([x509.DNSName("*.googleapis.com")]), False),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (
            x509.KeyUsage(True, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False, **usage),
            True,
        ),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ]:
        builder = builder.add_extension(extension, critical)
    (folder / "certificate.pem").write_bytes(
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    text = _pem(key)
    (folder / "key.pem").write_text(text)
    return text


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def service_account(token_uri: str, key: str | None = None) -> dict[str, str]:
    """Return the content of a file of credentials.

    Args:
        token_uri: where a client asks for a token.
        key: the private key; None for a new one.
    """
    key = key or _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    account = {"type": "service_account", "client_email": "test@temporec", "project_id": "temporec"}
    return {**account, "private_key": key, "token_uri": token_uri}
