"""Low-level AWS clients, made on first use: one that is not needed costs a cold start tens of milliseconds.

botocore makes them. boto3 would give out the same ones, and load its resources and transfers besides, which
nothing here uses (docs/performance.md).
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session, get_session

_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=20,  # more than Facility.lanes
    parameter_validation=False,  # AWS judges what the store and the vault build; twice costs 0.2 ms a call
)
_making = threading.Lock()


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
