"""Low-level AWS clients, made on first use: one that is not needed costs a cold start tens of milliseconds.

botocore makes them. boto3 would give out the same ones, and load its resources and transfers besides, which
nothing here uses (docs/performance.md).
"""

from __future__ import annotations

import os
import random
import threading
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from botocore.loaders import Loader
from botocore.session import Session, get_session

from slew.errors import Unavailable

_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=20,  # more than Facility.lanes
    parameter_validation=False,  # AWS judges what the store and the vault build; twice costs 0.2 ms a call
)
_making = threading.Lock()
# Refusals that pass by themselves, beside every 5xx. `LimitExceededException` is none: it is a quota's.
_PASSING = frozenset(
    {
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_PASSING_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})


class _Loader(Loader):
    def list_available_services(self, type_name: str) -> list[str]:
        """The services that botocore knows, by the names of its folders.

        Asked only whether a service exists, botocore looks into the folder of every service, once for each
        kind of model: 900 directories a process, 20 ms.
        """
        return sorted(os.listdir(self.BUILTIN_DATA_PATH))


@cache
def client(service: str) -> Any:
    """The client of a service, the same one for the life of the process."""
    return new_client(service, _CONFIG)


def new_client(service: str, config: Config) -> Any:
    """A client with settings of its own; a session makes one at a time."""
    with _making:
        return _session().create_client(service, config=config)


@cache
def _session() -> Session:
    session = get_session()
    session.register_component("data_loader", _Loader())
    return session


def unavailable(error: BaseException) -> Unavailable | None:
    """What a caller is told of an error that passes by itself: throttled, in conflict, not reached, a 5xx.

    None for any other error.
    """
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, ClientError):
        if not _passes(error):
            return None
    elif not isinstance(error, ConnectionError | HTTPClientError):
        return None
    # Not the same for all, lest they come back together.
    wait = {"Retry-After": str(random.randint(1, 4))}
    return Unavailable(
        "a service that Slew works on is busy; try again, with the same Idempotency-Key", headers=wait
    )


def _passes(error: ClientError) -> bool:
    reasons = {each.get("Code", "None") for each in error.response.get("CancellationReasons", [])} - {"None"}
    if reasons:  # of a transaction: one that lasts decides
        return reasons <= _PASSING_REASONS
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error.response["Error"]["Code"] in _PASSING
