"""A check of an object store before it is used: the clients retry for minutes, and their errors name no remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, Unauthorized
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud import storage

from schemas.errors import InputError

_TIMEOUT_S = 5
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to credentials that are valid now",
    "gs": "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the file of a key",
}
_ADDRESSES = {
    "s3": "check the network, and AWS_ENDPOINT_URL for a store that is not Amazon's",
    "gs": "check the network and its proxy",
}


class _Failure(NamedTuple):
    received: str
    remedy: str


def check_bucket(uri: str, setting: str) -> None:
    """Check within seconds that the bucket of a URI exists and that its files can be listed.

    Args:
        uri: a URI. Only `s3://` and `gs://` are checked.
        setting: the configuration key or option of the URI, for the message of an error.

    Raises:
        InputError: there are no valid credentials, no permission, no such bucket, or no answer.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, path = rest.partition("/")
    check = _CHECKS.get(scheme)
    if check is None:
        return
    prefix = re.split(r"[*?\[]", path)[0]
    failure = check(bucket, prefix)
    if failure:
        expected = f"a bucket whose files can be listed in {setting}"
        raise InputError(expected=expected, received=f"{uri}: {failure.received}", remedy=failure.remedy)


def _check_s3(bucket: str, prefix: str) -> _Failure | None:
    limits = Config(connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries={"total_max_attempts": 1})
    try:
        boto3.session.Session().client("s3", config=limits).list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("NoSuchBucket", "404"):
            return _Failure(str(error), _no_bucket(bucket))
        if code in ("AccessDenied", "403"):
            return _Failure(str(error), f"give the credentials permission to list {bucket}, or use others")
        return _Failure(str(error), _CREDENTIALS["s3"])
    except HTTPClientError as error:
        return _Failure(str(error), _ADDRESSES["s3"])
    except (BotoCoreError, ValueError) as error:  # no or half credentials, no such profile, a bad name or endpoint
        return _Failure(str(error), _CREDENTIALS["s3"] if "redential" in str(error) else _ADDRESSES["s3"])
    return None


def _check_gs(bucket: str, prefix: str) -> _Failure | None:
    try:
        client = storage.Client(project=None)  # listing needs no project
    except DefaultCredentialsError:
        client = storage.Client.create_anonymous_client()  # Beam does so, too: a bucket may be public
    try:
        limits = (_TIMEOUT_S, _TIMEOUT_S)
        next(iter(client.list_blobs(bucket, prefix=prefix, max_results=1, timeout=limits, retry=None)), None)
    except NotFound as error:
        return _Failure(error.message, _no_bucket(bucket))
    except (Unauthorized, Forbidden) as error:
        remedy = f"{_CREDENTIALS['gs']}; the account must have permission to list {bucket}"
        return _Failure(error.message, remedy)
    except (TransportError, requests.exceptions.RequestException) as error:
        return _Failure(str(error), _ADDRESSES["gs"])
    except (GoogleAPICallError, GoogleAuthError, ValueError) as error:
        return _Failure(str(error), _CREDENTIALS["gs"])
    return None


def _no_bucket(bucket: str) -> str:
    return f"check the name, or create the bucket {bucket}"


_CHECKS: dict[str, Callable[[str, str], _Failure | None]] = {"s3": _check_s3, "gs": _check_gs}
