"""Servers on loopback that receive messages: HTTP and SMTP."""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[tuple[str | None, Any]]]]:
    """Yield a URL, and the messages that it gets, each with the header Authorization."""
    got: list[tuple[str | None, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with _serving(HTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/hook", got


@contextmanager
def smtp(certificate: Path | None = None) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield a port, the commands that the server gets, and the mails.

    Args:
        certificate: the server's certificate and key, for STARTTLS.
    """
    commands: list[str] = []
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                commands.append(line)
                word = line.split()[0].upper()
                if word == "EHLO":
                    offered = "AUTH PLAIN" if isinstance(self.connection, ssl.SSLSocket) else "STARTTLS"
                    self._say(f"250-localhost\r\n250 {offered}")
                elif word == "STARTTLS":
                    self._say("220 go ahead")
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    assert certificate
                    context.load_cert_chain(certificate)
                    self.connection = context.wrap_socket(self.connection, server_side=True)
                    self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                elif word == "AUTH":
                    valid = base64.b64decode(line.split()[2]) == b"\0robot\0secret"
                    self._say("235 welcome" if valid else "535 wrong password")
                elif word == "DATA":
                    self._say("354 go ahead")
                    mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                    self._say("250 kept")
                else:
                    self._say("221 bye" if word == "QUIT" else "250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with _serving(socketserver.TCPServer(("127.0.0.1", 0), Handler)) as port:
        yield port, commands, mails


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
