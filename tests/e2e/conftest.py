"""The whole local stack, once a module, and calls to it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from local.stack import Stack

SLACK_ALTDATA = {
    "slack_workspace": "TEndToEnd",
    "slack_channel": "BEndToEnd",
    "slack_token": "aHookThatOnlyTheTestsKnow",
}
ATLAS_TOKEN = "0123456789abcdef0123456789abcdef01234567"  # astro1 of the simulator
TARGET = {"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651}


@dataclass(frozen=True)
class System:
    """A running stack and how to call it."""

    stack: Stack

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> requests.Response:
        """Call the API as an administrator."""
        headers = {"Authorization": f"Bearer {self.stack.token}"}
        if key:
            headers["Idempotency-Key"] = key
        return requests.request(method, self.stack.url + path, json=body, headers=headers, timeout=60)

    def simulator(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """Call a simulator's control route."""
        return requests.request(method, self.stack.simulators[name].url + path, json=body, timeout=30).json()

    def arrivals(self, name: str, method: str = "POST") -> list[dict[str, Any]]:
        """What a simulator has received by a method."""
        return [each for each in self.simulator(name, "GET", "/_journal") if each["method"] == method]

    def allocate(self, facility: str, id: str, altdata: dict[str, Any], **more: Any) -> None:
        """Make an allocation."""
        body = {"id": id, "pi": "PI", "group": "transients", "altdata": altdata, **more}
        reply = self.call("POST", f"/facilities/{facility}/allocations", body)
        assert reply.status_code == 201, reply.text

    def messages(self) -> list[dict[str, Any]]:
        """What stands in the Slack channels."""
        found: list[dict[str, Any]] = self.simulator("slack", "GET", "/_messages")
        return found

    def outbox(self) -> list[dict[str, Any]]:
        """Mails that were accepted."""
        answer = requests.get(f"{self.stack.aws_endpoint}/_ses/outbox", timeout=30)
        found: list[dict[str, Any]] = answer.json()
        return found


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with Stack(workdir=tmp_path_factory.mktemp("stack")) as stack:
        system = System(stack)
        hook = dict(zip(("workspace", "service", "token"), SLACK_ALTDATA.values(), strict=True))
        system.simulator("slack", "POST", "/_config", {"hooks": [hook]})
        yield system
