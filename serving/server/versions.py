"""The versions of a model in a folder. The highest one that loads is served."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
from tensorflow_serving.apis import get_model_status_pb2

from schemas.errors import InputError
from serving.server.servable import SAVED_MODEL_FILE, RequestError, Servable

_log = logging.getLogger("temporec.serving")
_State = get_model_status_pb2.ModelVersionStatus.State

Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Status:
    """The state of a version in TensorFlow Serving's terms, and the reason if it did not load."""

    state: int
    error: str = ""


class Versions:
    """The versions of a model in a folder. One of them is served.

    A version is a folder with an integer as its name and a `saved_model.pb`.
    A version that does not load is tried again only after its files change.

    Args:
        base_path: the folder of versions.

    Raises:
        InputError: `base_path` is not a folder of versions.
    """

    def __init__(self, base_path: Path) -> None:
        _check(base_path)
        self._base_path = base_path
        self._lock = threading.Lock()  # for the attributes below; never held while a model loads or answers
        self._served: Servable | None = None
        self._in_flight: dict[int, int] = {}
        self._statuses: dict[int, Status] = {}
        self._failed: dict[int, Fingerprint] = {}

    @property
    def served(self) -> int | None:
        """The version that answers; None before the first one."""
        served = self._served
        return served.version if served else None

    def statuses(self) -> dict[int, Status]:
        """Return the status of every version that was ever tried."""
        with self._lock:
            return dict(self._statuses)

    @contextmanager
    def lease(self, version: int | None = None) -> Iterator[Servable]:
        """Yield the served version, which is not unloaded before the block ends.

        Args:
            version: the version that must be served; None for any.

        Raises:
            RequestError: no version is served, or another one.
        """
        with self._lock:
            servable = self._served
            if servable is None:
                raise RequestError(grpc.StatusCode.UNAVAILABLE, self._why_none())
            if version not in (None, servable.version):
                raise RequestError(
                    grpc.StatusCode.NOT_FOUND, f"version {version} is not served; there is: {servable.version}"
                )
            self._in_flight[servable.version] = self._in_flight.get(servable.version, 0) + 1
        try:
            yield servable
        finally:
            with self._lock:
                self._in_flight[servable.version] -= 1
                self._end_if_idle(servable.version)

    def refresh(self) -> None:
        """Look at the folder once, and serve the highest version that loads.

        The served version stays until another one is ready, even if its files
        are gone. Only one thread at a time may call this.
        """
        for version in sorted(find_versions(self._base_path), reverse=True):
            if version == self.served:
                return
            path = self._base_path / str(version)
            fingerprint = _fingerprint(path)
            if self._failed.get(version) != fingerprint and self._load(path, version, fingerprint):
                return

    def _load(self, path: Path, version: int, fingerprint: Fingerprint) -> bool:
        _log.info("version %d: loading from %s", version, path)
        self._set(version, Status(_State.LOADING))
        try:
            servable = Servable(path, version)
            servable.warm_up()
            if _fingerprint(path) != fingerprint:
                raise RuntimeError("its files changed during the load")
        # Any error in a new version leaves the served one answering.
        except Exception as error:
            _log.error("version %d does not load, %s: %s", version, self._instead(), error)
            self._failed[version] = fingerprint
            self._set(version, Status(_State.END, str(error) or type(error).__name__))
            return False
        with self._lock:
            before, self._served = self._served, servable
            self._statuses[version] = Status(_State.AVAILABLE)
            if before:
                self._statuses[before.version] = Status(_State.UNLOADING)
                self._end_if_idle(before.version)
        _log.info("version %d: serving", version)
        return True

    def _end_if_idle(self, version: int) -> None:
        status = self._statuses[version]
        if status.state == _State.UNLOADING and not self._in_flight.get(version):
            self._statuses[version] = replace(status, state=_State.END)
            _log.info("version %d: unloaded", version)

    def _set(self, version: int, status: Status) -> None:
        with self._lock:
            self._statuses[version] = status

    def _instead(self) -> str:
        return "no version is served" if self.served is None else f"version {self.served} stays"

    def _why_none(self) -> str:
        failed = "".join(
            f"; version {number}: {status.error}" for number, status in self._statuses.items() if status.error
        )
        return f"no version of the model is loaded yet from {self._base_path}{failed}"


def find_versions(base_path: Path) -> set[int]:
    """Return the versions in a folder; other files and folders are ignored."""
    return {
        int(path.name)
        for path in base_path.iterdir()
        # str(int()) excludes "007" and "٣", so that a version has one name.
        if path.name.isdecimal() and str(int(path.name)) == path.name and (path / SAVED_MODEL_FILE).is_file()
    }


def _fingerprint(path: Path) -> Fingerprint:
    files = ((file, file.stat()) for file in path.rglob("*"))
    return tuple(sorted((str(file), stat.st_size, stat.st_mtime_ns) for file, stat in files))


def _check(base_path: Path) -> None:
    received = None
    if not base_path.exists():
        received = f"{base_path}, which does not exist"
    elif not base_path.is_dir():
        received = f"{base_path}, which is a file"
    elif (base_path / SAVED_MODEL_FILE).exists():
        received = f"{base_path}, which is a saved model itself"
    if received:
        raise InputError(
            expected="a folder of versions: folders with a number as their name and a saved model in them",
            received=received,
            remedy="give the models folder of a run, like ROOT/models",
        )
