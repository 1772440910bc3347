"""A telescope of the tests' own: one POST, one GET, one DELETE, and a server whose behaviour a test sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, Field, SecretStr
from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import Simulator, json_response
from slew import clock, config, drf
from slew.facility import (
    Absent,
    Altdata,
    Cancellation,
    Facility,
    Link,
    Order,
    Payload,
    Prepared,
    Progress,
    Submission,
    Verification,
)
from slew.status import Status
from slew.wire import HttpRequest

SECRET = "s3cr3t/tok+en=with%signs"
READ_TIMEOUT_S = 10.0


class ToyServer(Simulator):
    """Takes requests, and tells what it has."""

    name = "toy"

    def rules(self) -> list[Rule]:
        """Routes."""
        return [
            Rule("/requests/", methods=["POST", "GET"], endpoint="requests"),
            Rule("/requests/<int:number>/", methods=["GET", "DELETE", "PUT"], endpoint="one"),
        ]

    def reset(self) -> None:
        """No requests."""
        super().reset()
        self.taken: dict[int, dict[str, Any]] = {}

    def requests(self, request: Request) -> Response:
        """Take one, or list all."""
        if request.headers.get("Authorization") != f"Token {SECRET}":
            return json_response({"detail": "Invalid token."}, 401)
        if request.method == "GET":
            return json_response(list(self.taken.values()))
        body = request.get_json()
        if body["exposure"] > 1000:
            return json_response({"exposure": [f"too long for {SECRET}"]}, 400)
        number = len(self.taken) + 1
        self.taken[number] = {**body, "id": number, "state": "QUEUED"}
        return json_response(self.taken[number], 201)

    def one(self, request: Request, number: int) -> Response:
        """Read, cancel or change one."""
        if request.method == "DELETE":
            self.taken[number]["state"] = "GONE"
        if request.method == "PUT":
            self.taken[number] |= request.get_json()
        return json_response(self.taken[number])

    @property
    def triggers(self) -> list[dict[str, Any]]:
        """Every POST that arrived."""
        return [each for each in self.journal if each["method"] == "POST"]


class ToyAltdata(Altdata):
    """One secret."""

    token: SecretStr = Field(description="Token")


class ToyPayload(Payload):
    """One field."""

    exposure: float = Field(300, gt=0, le=7200, description="Exposure time, s")


class Toy(Facility):
    """The client."""

    id = "toy"
    title = "Toy Telescope"
    Altdata = ToyAltdata
    payloads: ClassVar[Mapping[str | None, type[BaseModel]]] = {None: ToyPayload}
    longest_send_s = 20.0

    def prepare(self, order: Order[Any, Any], link: Link) -> Prepared:
        """One POST."""
        body = {"exposure": order.payload.exposure, "target": order.target.name, "ref": order.request_id}
        return Prepared((HttpRequest.of_json("POST", f"{_base()}/requests/", body, _auth(order.altdata)),))

    def submit(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Send it."""
        request = prepared.exchanges[0]
        assert isinstance(request, HttpRequest)
        number = drf.expect(link.http.send(request, read_timeout=READ_TIMEOUT_S), 201).json()["id"]
        return Submission(str(number), {"number": number})

    def update(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """PUT it."""
        url = f"{_base()}/requests/{order.facility_request_id}/"
        answer = link.http.send(HttpRequest.of_json("PUT", url, {"exposure": order.payload.exposure}))
        drf.expect(answer, 200)
        return Submission(order.facility_request_id)

    def cancel(self, order: Order[Any, Any], link: Link) -> Cancellation:
        """DELETE it."""
        request = HttpRequest(
            "DELETE", f"{_base()}/requests/{order.facility_request_id}/", _auth(order.altdata)
        )
        drf.expect(link.http.send(request, read_timeout=READ_TIMEOUT_S), 200)
        return Cancellation()

    def poll(self, order: Order[Any, Any], link: Link) -> Progress:
        """GET it."""
        request = HttpRequest("GET", f"{_base()}/requests/{order.facility_request_id}/", _auth(order.altdata))
        state = drf.expect(link.http.read(request), 200).json()["state"]
        status = {"QUEUED": None, "RUNNING": Status.IN_PROGRESS, "DONE": Status.COMPLETE}[state]
        return Progress(status, text=state, next_poll_s=None if state == "DONE" else 100)

    def reconcile(self, order: Order[Any, Any], link: Link) -> Submission | Absent | None:
        """Look through the list."""
        answer = drf.expect(
            link.http.read(HttpRequest("GET", f"{_base()}/requests/", _auth(order.altdata))), 200
        )
        for each in answer.json():
            if each["ref"] == order.request_id:
                return Submission(str(each["id"]))
        return Absent()

    def verify(self, altdata: Any, link: Link) -> Verification:
        """List."""
        answer = link.http.read(HttpRequest("GET", f"{_base()}/requests/", _auth(altdata)))
        return Verification(answer.status == 200, answer.text)


def _base() -> str:
    return config.facility_url("toy", "https://toy.example.org")


def _auth(altdata: ToyAltdata) -> dict[str, str]:
    return {"Authorization": f"Token {altdata.token.get_secret_value()}"}


def unwatched(monkeypatch: pytest.MonkeyPatch, lasts: timedelta) -> None:
    """Make it a telescope that cannot be asked, and the window of its requests begin now and last so long."""
    begin = clock.now()
    monkeypatch.setattr(Toy, "poll", Facility.poll)
    monkeypatch.setattr(Toy, "window", lambda *_: (begin, begin + lasts))
