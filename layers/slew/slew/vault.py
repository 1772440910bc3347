"""Credentials in Secrets Manager.

`slew/<facility>/<allocation>`, and apart from them `slew/notify/<allocation>`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from slew import aws
from slew.errors import Unavailable

SINCE = "allocation_since"
"""Key, in the secrets of addresses: when their allocation was made. Another may be given its id later."""
_cache: dict[str, tuple[str, dict[str, Any]]] = {}


def name(owner: str, allocation_id: str) -> str:
    """The secret's name; `owner` is a facility's id or `notify`."""
    return f"slew/{owner}/{allocation_id}"


def read(secret: str, version: str) -> dict[str, Any]:
    """The secret's value, from this process's cache where that holds the wanted version.

    Raises Unavailable.
    """
    cached = _cache.get(secret)
    if cached and cached[0] == version:
        return cached[1]
    try:
        # VersionStage is said although it is the default: some stand-ins for the service answer with an old
        # version else.
        answer = aws.client("secretsmanager").get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise Unavailable("the allocation's credentials are missing; set its altdata again") from None
        raise
    if answer["VersionId"] != version:
        raise Unavailable(
            "the allocation's credentials are being changed; try again, or set its altdata again"
        )
    value: dict[str, Any] = json.loads(answer["SecretString"])
    _cache[secret] = (version, value)
    return value


def new_version() -> str:
    """An id for a version to come, so that a record can name it before it is written."""
    return str(uuid.uuid4())


def write(secret: str, value: Mapping[str, Any], version: str) -> None:
    """Keep a value under a name, new or not, as the version of that id."""
    client = aws.client("secretsmanager")
    text = json.dumps(value)
    try:
        client.put_secret_value(SecretId=secret, SecretString=text, ClientRequestToken=version)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        client.create_secret(Name=secret, SecretString=text, ClientRequestToken=version)
    _cache.pop(secret, None)


def remove(secret: str) -> None:
    """Delete at once, so that the name is free again; one that is not there is fine."""
    try:
        aws.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    _cache.pop(secret, None)
