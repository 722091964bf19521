"""BigQuery's REST API on this machine, as its discovery document describes it: dry runs of queries, and tables.

It reads no SQL. A query is right if each column that it names in backticks is one of the table's.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.google_store import service_account

TABLE = "shop.events.clicks"
FIELDS: list[dict[str, Any]] = [
    {"name": "user", "type": "STRING", "mode": "NULLABLE"},
    {"name": "item", "type": "INTEGER", "mode": "NULLABLE"},
    {"name": "time", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "tags", "type": "STRING", "mode": "REPEATED"},
    {
        "name": "visitor",
        "type": "RECORD",
        "mode": "NULLABLE",
        "fields": [{"name": "id", "type": "STRING", "mode": "NULLABLE"}],
    },
]


class Warehouse:
    """The state of the server."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.bytes = 1_000
        self.modified_ms = 1_700_000_000_000
        self.forbidden = False

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the content of an answer."""
        if path == "/token":
            return 200, {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}
        if self.forbidden:
            return _error(403, "Access Denied: Table shop:events.clicks: User does not have permission")
        if method == "GET":
            project, dataset, table = re.findall(r"projects/(.*?)/datasets/(.*?)/tables/([^?]*)", path)[0]
            return 200, {
                "id": f"{project}:{dataset}.{table}",
                "tableReference": {"projectId": project, "datasetId": dataset, "tableId": table},
                "numBytes": str(self.bytes),
                "lastModifiedTime": str(self.modified_ms),
            }
        assert body["configuration"]["dryRun"] is True
        return self._dry_run(body["configuration"]["query"]["query"])

    def _dry_run(self, query: str) -> tuple[int, dict[str, Any]]:
        self.queries.append(query)
        table = re.findall(r"FROM `(.*?)`", query)[0]
        if table != TABLE:
            return _error(404, f"Not found: Table {table} was not found in location US")
        selected = []
        for first, second in re.findall(r"`(\w+)`(?:\.`(\w+)`)? AS", query):
            fields = {field["name"]: field for field in FIELDS}
            if first not in fields:
                return _error(400, f"Unrecognized name: {first} at [1:8]")
            selected.append(fields[first]["fields"][0] if second else fields[first])
        project, dataset, name = table.split(".")
        statistics = {
            "schema": {"fields": selected or FIELDS},
            "referencedTables": [{"projectId": project, "datasetId": dataset, "tableId": name}],
        }
        return 200, {
            "jobReference": {"projectId": project, "location": "US"},
            "configuration": {"query": {"query": query}, "dryRun": True},
            "status": {"state": "DONE"},
            "statistics": {"query": statistics},
        }


def _error(code: int, message: str) -> tuple[int, dict[str, Any]]:
    return code, {"error": {"code": code, "message": message, "errors": [{"message": message}]}}


@contextmanager
def bigquery_server(folder: Path) -> Iterator[Warehouse]:
    """Serve the API, and let Google's client find it and its credentials.

    Args:
        folder: a folder for the credentials.
    """
    warehouse = Warehouse()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            self._answer(json.loads(body) if self.path != "/token" else {})

        def _answer(self, body: dict[str, Any]) -> None:
            status, content = warehouse.answer(self.command, self.path, body)
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, pytest.MonkeyPatch.context() as patch:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        credentials = folder / "credentials.json"
        credentials.write_text(json.dumps(service_account(f"{url}/token")))
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(credentials))
        patch.setenv("BIGQUERY_EMULATOR_HOST", url)
        patch.setenv("no_proxy", "127.0.0.1")
        patch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
        yield warehouse
        server.shutdown()
