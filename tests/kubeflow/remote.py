"""The copies that Kubeflow's launcher makes of objects: backend/src/v2/objectstore in github.com/kubeflow/pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
from google.cloud import storage

FOLDERS = {"s3": "/s3", "gs": "/gcs"}


def local(uri: str) -> Path:
    """Return where the launcher has the copy of an object (LocalPathForURI)."""
    scheme, _, path = uri.partition("://")
    return Path(FOLDERS[scheme], path)


def download(uri: str) -> None:
    """Copy an object, or the objects below it. One whose name ends with "/" becomes an empty file."""
    bucket, key = _bucket(uri)
    google = uri.startswith("gs://")
    found = bucket.list_blobs(prefix=key) if google else bucket.objects.filter(Prefix=key)
    for name in [each.name if google else each.key for each in found]:
        if name == key or name.startswith(f"{key}/"):
            path = local(f"{uri}{name[len(key) :]}")
            path.parent.mkdir(parents=True, exist_ok=True)
            if google:
                bucket.blob(name).download_to_filename(str(path))
            else:
                bucket.download_file(name, str(path))


def upload(uri: str) -> None:
    """Copy the file, or the files of the folder, that a task wrote. What does not exist is left out."""
    bucket, key = _bucket(uri)
    path = local(uri)
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            name = f"{key}/{file.relative_to(path)}".removesuffix("/.")
            if uri.startswith("gs://"):
                bucket.blob(name).upload_from_filename(str(file))
            else:
                bucket.upload_file(str(file), name)


def _bucket(uri: str) -> tuple[Any, str]:
    scheme, _, path = uri.partition("://")
    name, _, key = path.partition("/")
    return storage.Client().bucket(name) if scheme == "gs" else boto3.resource("s3").Bucket(name), key
