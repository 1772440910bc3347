"""All functions that answer the API, in one process, with a facility that has every route."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import pytest

from slew.handler import facility_handler
from plots.app import app as plots_app
from plots.app import handler as plots
from queries.app import app as queries_app
from queries.app import handler as queries
from skyportal import ledger, senders
from skyportal.api import Reply as ApiReply
from skyportal.app import app as skyportal_app
from skyportal.app import handler as skyportal
from skyportal.models import SenderBody
from slew import aws, http_api, store
from slew.status import Status
from tests.support.calls import Handler, Reply
from tests.support.principals import OWN, Caller, everybody
from tests.support.rules import ALLOCATION, BASE, Everything, Rule
from tests.support.survey import SurveyServer
from tokens.app import app as tokens_app
from tokens.app import handler as tokens

WRITES = ("Put", "Update", "Delete", "Create", "Transact", "BatchWrite", "Publish", "Send")


class Writes:
    """What is written to AWS, but for the note of a token's last use."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        for service in ("dynamodb", "secretsmanager", "s3"):
            aws.client(service).meta.events.register("provide-client-params.*", self._note)

    def _note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if model.name.startswith(WRITES) and "used_at" not in str(params):
            self.seen.append(f"{model.name} {params}")


class World:
    """The functions with all that a call may name, made when it is named."""

    def __init__(self, server: SurveyServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.apps: list[Any] = []
        made = http_api.resolver

        def kept() -> Any:
            self.apps.append(made())
            return self.apps[-1]

        with monkeypatch.context() as patch:
            patch.setattr(http_api, "resolver", kept)
            self.survey = facility_handler(Everything())
        self.callers = {each.name: each for each in everybody()}
        self.admin = self.callers["admin"]
        self.numbers = count(1)
        self.writes = Writes()

    def functions(self) -> dict[str, tuple[Handler, Any]]:
        """Handler and its app."""
        return {
            "survey": (self.survey, self.apps[0]),
            "queries": (queries, queries_app),
            "plots": (plots, plots_app),
            "tokens": (tokens, tokens_app),
            "skyportal": (skyportal, skyportal_app),
        }

    def call(self, handler: Handler, caller: Caller, method: str, rule: Rule, things: Things) -> Reply:
        """Call a route as somebody; a refusal must have changed nothing."""
        url, body = things.into(rule.url), json.loads(things.into(json.dumps(rule.body)))
        if "/queues/" in url:
            assert things["request"]  # which made the queue
        if "/skyportal/" in url:
            things.introduce(caller)
        written, sent = len(self.writes.seen), len(self.server.journal)
        reply = caller(handler, method, url, body, rule.headers)
        if reply.status in (401, 403):
            # A relay's ledger notes what it asks for before the API refuses it; a note opens nothing.
            assert [each for each in self.writes.seen[written:] if "SENDER#" not in each] == []
            assert len(self.server.journal) == sent
        return reply


class Things(dict[str, str]):
    """What a call may name, by the names in braces, made when it is named first."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.number = next(world.numbers)

    def __missing__(self, name: str) -> str:
        self[name] = getattr(self, f"_{name}")()
        return self[name]

    def into(self, text: str) -> str:
        """The text with the names of things in place of those in braces."""
        return re.sub(r"\{([a-z]+)\}", lambda found: self[found[1]], text)

    def introduce(self, caller: Caller) -> None:
        """Have the caller be a sender of SkyPortal's kind, that has asked for the request."""
        senders.keep(caller.id or "nobody", SenderBody(allocations={"7": self["allocation"]}))
        if caller.id and "request" in self:
            entry = ledger.Entry(self["request"], "survey", 1, "", 0.0)
            ledger.note(caller.id, 7, "made", entry, ledger.newest(caller.id, 7, "made"))

    def _allocation(self) -> str:
        body = {**ALLOCATION, "id": f"s-{self.number}"}
        reply = self.world.admin(self.world.survey, "POST", f"{BASE}/allocations", body)
        assert reply.status == 201, reply.text
        return f"s-{self.number}"

    def _request(self, field: int = 1) -> str:
        body = {"allocation_id": self["allocation"], "payload": {"fields": [field]}}
        made: str = self.world.admin(self.world.survey, "POST", f"{BASE}/requests", body).json["id"]
        return made

    def _rejected(self) -> str:
        return self._ended(99, Status.REJECTED)

    def _unknown(self) -> str:
        return self._ended(98, Status.UNKNOWN)

    def _ended(self, field: int, status: Status) -> str:
        self.world.server.refused, self.world.server.silent = {99}, {98}
        made = self._request(field)
        self.world.server.refused, self.world.server.silent = set(), set()
        request = store.get_request(made)
        assert request
        assert request.status is status
        return made

    def _number(self) -> str:
        request = store.get_request(self["request"])
        assert request
        return str(request.number)

    def _sender(self) -> str:
        senders.keep(f"{self.number:016x}", SenderBody(allocations={}))
        return f"{self.number:016x}"

    def _token(self) -> str:
        body = {"name": "x", "role": "viewer", "groups": [OWN]}
        return str(self.world.admin(tokens, "POST", "/tokens", body).json["id"])

    def _object(self) -> str:
        return f"AT {self.number}"


def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world on an embedded AWS that there is."""
    server = SurveyServer()
    monkeypatch.setenv("SLEW_SURVEY_URL", server.start())
    world = World(server, monkeypatch)
    by_token = {each.authorization: each for each in world.callers.values()}

    class Direct:
        """The API as skyportal calls it, with the sender's own token, without a network in between."""

        def __init__(self, event: Mapping[str, Any], _budget: Any) -> None:
            self.caller = by_token[event["headers"]["authorization"]]

        def __call__(
            self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
        ) -> ApiReply:
            reply = self.caller(world.survey, method, path, body, headers)
            return ApiReply(reply.status, reply.json)

    monkeypatch.setattr("skyportal.app.Api", Direct)
    yield world
    server.stop()
