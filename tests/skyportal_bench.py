"""A SkyPortal instance that calls the relay, and the facilities behind it, in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from slew.handler import facility_handler
from generic.facility import Generic
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from skyportal.api import Reply as ApiReply
from skyportal.app import handler as skyportal
from skyportal.budget import Budget
from slew import store
from slew.records import Request
from tests import generic_bench
from tests.support import survey, toy
from tests.support.calls import Client, Reply
from tests.support.survey import Survey, SurveyServer
from tests.support.toy import Toy, ToyServer

JSON = dict[str, Any]
SENDER = "0123456789abcdef"
HERE: JSON = {"name": "AT 2026x", "ra": 1, "dec": 1}
PAYLOAD: JSON = {"exposure": 300}
OTHER: JSON = {"exposure": 200}
PLAN: JSON = {"fields": [1]}
FORM: JSON = generic_bench.LASTING
NUMBERS = {"7": "toy-1", "8": "generic-1", "9": "survey-1"}


@dataclass
class Instance:
    """The instance: its numbers 7, 8, 9 mean an allocation of `toy`, of `generic`, of `survey`.

    `before_api` is called once, before the relay's next call of the API; `api_answers` replace what the API
    answers, once, after it has done its work. `waits`: how long each call of the API might have taken.
    """

    toy: ToyServer
    endpoint: EndpointServer
    survey: SurveyServer
    admin: Client
    facilities: Mapping[str, Client]
    before_api: list[Callable[[], Any]] = field(default_factory=list)
    api_answers: list[ApiReply] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def post(
        self,
        payload: Any = None,
        number: Any = 7,
        obj_id: str = "AT 2026x",
        raw: str | None = None,
        **more: Any,
    ) -> Reply:
        """A trigger, with the object's position unless `target` says otherwise."""
        body = {"obj_id": obj_id, "allocation_id": number, "payload": payload or PAYLOAD, "target": HERE}
        whole = {name: value for name, value in {**body, **more}.items() if value is not None}
        return self._call("POST", "/skyportal/requests", whole, raw=raw)

    def delete(self, request_id: str) -> Reply:
        """A cancellation."""
        return self._call("DELETE", f"/skyportal/requests/{request_id}")

    def map(self, numbers: Mapping[str, str] = NUMBERS, **more: Any) -> None:
        """Say what the instance's numbers mean."""
        body = {"allocations": dict(numbers), **more}
        reply = self.admin("PUT", f"/skyportal/senders/{SENDER}", body)
        assert reply.status == 200, reply.text

    def allocate(self, facility: str, name: str, altdata: JSON) -> None:
        """Make an allocation."""
        body = {"id": name, "pi": "PI", "group": "transients", "altdata": altdata}
        reply = self.facilities[facility]("POST", f"/facilities/{facility}/allocations", body)
        assert reply.status == 201, reply.text

    def direct(self, method: str, facility: str, request_id: str, action: str, body: JSON) -> Reply:
        """What a person asks of the API about a request."""
        url = f"/facilities/{facility}/requests/{request_id}/{action}".rstrip("/")
        return self.facilities[facility](method, url, body)

    def _call(self, method: str, url: str, body: Any = None, raw: str | None = None) -> Reply:
        client = Client(skyportal, role="observer", groups="transients", principal_id=SENDER)
        return client(method, url, body, raw=raw)


def id_of(reply: Reply) -> str:
    """The id that an answer names; empty for none."""
    return str(reply.json["data"].get("id", ""))


def record(reply: Reply) -> Request:
    """The request that an answer names."""
    found = store.get_request(id_of(reply))
    assert found
    return found


@contextmanager
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    """On an embedded AWS that there is."""
    servers = ToyServer(), EndpointServer(), SurveyServer()
    for name, server in zip(("TOY", "GENERIC", "SURVEY"), servers, strict=True):
        monkeypatch.setenv(f"SLEW_{name}_URL", server.start())
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    facilities = {each.id: Client(facility_handler(each)) for each in (Toy(), Generic(), Survey())}
    made = Instance(*servers, Client(skyportal), facilities)
    monkeypatch.setattr("skyportal.app.Api", lambda _event, budget: _direct(made, budget))
    made.allocate("toy", "toy-1", {"token": toy.SECRET})
    made.allocate(
        "generic",
        "generic-1",
        {
            "notification_type": "API",
            "endpoint": f"{made.endpoint.url}/api/requests",
            "api_token": DEMO_TOKEN,
            "remote_allocation_id": 7,
        },
    )
    made.allocate("survey", "survey-1", {"listener_token": survey.SECRET})
    made.map()
    try:
        yield made
    finally:
        for server in servers:
            server.stop()


def _direct(made: Instance, budget: Budget) -> Callable[..., ApiReply]:
    """The API as skyportal calls it, without a network in between."""

    def call(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> ApiReply:
        made.waits.append(budget.left())
        if made.before_api:
            made.before_api.pop()()
        reply = made.facilities[path.split("/")[2]](method, path, body, headers)
        return made.api_answers.pop() if made.api_answers else ApiReply(reply.status, reply.json)

    return call
