"""Low-level AWS clients, made on first use.

An import or an unneeded client costs a cold start tens of milliseconds.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@cache
def client(service: str) -> Any:
    """The client of a service, the same one for the life of the process."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]
