"""Which version of a model is served: the highest under a folder that loads."""

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
    """What became of a version: its state in TensorFlow Serving's terms, and why it did not load."""

    state: int
    error: str = ""


class Versions:
    """The versions under a base path, one of them served.

    A version is a folder with an integer for a name and a `saved_model.pb` in
    it. A version that does not load is not tried again before its files change.

    Args:
        base_path: the folder of versions.

    Raises:
        InputError: `base_path` is no folder of versions.
    """

    def __init__(self, base_path: Path) -> None:
        _check(base_path)
        self._base_path = base_path
        self._lock = threading.Lock()  # of what follows; never held while a model loads or answers
        self._served: Servable | None = None
        self._in_flight: dict[int, int] = {}
        self._statuses: dict[int, Status] = {}
        self._failed: dict[int, Fingerprint] = {}

    @property
    def served(self) -> int | None:
        """The version that answers, None before the first."""
        served = self._served
        return served.version if served else None

    def statuses(self) -> dict[int, Status]:
        """Every version that was ever tried."""
        with self._lock:
            return dict(self._statuses)

    @contextmanager
    def lease(self, version: int | None = None) -> Iterator[Servable]:
        """The served version, not unloaded before the block ends.

        Args:
            version: None for whichever is served.

        Raises:
            RequestError: no version is served, or not this one.
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
        """Looks at the folder once, and serves the highest version that loads.

        What is served stays so until another one is ready, whatever happens to
        its files. Is called by one thread at a time.
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
                raise RuntimeError("its files changed while they were read")
        # Whatever is wrong with a version, the one before it goes on answering.
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
    """The versions that lie under a folder; what else lies there is none of them."""
    return {
        int(path.name)
        for path in base_path.iterdir()
        # str(int()) leaves out "007" and "٣": one version, one name.
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
            expected="a folder of versions: folders named by a number, each with a saved model in it",
            received=received,
            remedy="give the models folder of a run's root, like ROOT/models",
        )
