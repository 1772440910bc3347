"""A second telescope of the tests' own: takes plans in parts, knows requests by our numbers, posts messages.

Its products are files of a light curve and an image.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field, SecretStr
from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import Simulator, json_response
from slew import config, drf, photometry
from slew.errors import Invalid, Problem, Rejected
from slew.facility import Altdata, Facility, Link, Message, Order, Payload, Prepared, Progress, Submission
from slew.status import Status
from slew.wire import HttpRequest

SECRET = "listener-0123456789"
IMAGE = bytes(range(256)) * 100


class SurveyServer(Simulator):
    """Takes one pointing a POST; refuses those of fields that a test names."""

    name = "survey"

    def rules(self) -> list[Rule]:
        """Routes."""
        return [
            Rule("/pointings", methods=["POST"], endpoint="pointings"),
            Rule("/files/<name>", methods=["GET"], endpoint="file"),
        ]

    def reset(self) -> None:
        """Nothing taken."""
        super().reset()
        self.taken: list[int] = []
        self.refused: set[int] = set()
        self.silent: set[int] = set()
        self.served: list[tuple[str, str | None]] = []
        self.breaks: dict[str, int] = {}
        self.shifts = 0
        self.weak = False
        self.headers: dict[str, str] = {}
        self.files: dict[str, bytes] = {"lc.txt": b"60000.5 10 1\n60001.5 -2 1\n", "image.fits": IMAGE}

    def pointings(self, request: Request) -> Response:
        """Take one."""
        field = request.get_json()["field"]
        if field in self.refused:
            return json_response({"detail": f"field {field} is too low"}, 400)
        if field in self.silent:
            return Response("", 502)
        self.taken.append(field)
        return json_response({"id": len(self.taken)}, 201)

    @property
    def posted(self) -> list[dict[str, Any]]:
        """The body of every POST that arrived."""
        return [json.loads(each["body"]) for each in self.journal if each["method"] == "POST"]

    def file(self, request: Request, name: str) -> Response:
        """A file, or a range of it; one of `breaks` ends after so many bytes, once."""
        self.served.append((name, request.headers.get("Range")))
        content = self.files.get(name)
        if content is None:
            return Response("none", 404)
        response = Response(content, headers=self.headers, content_type="application/octet-stream")
        response.set_etag(hashlib.sha256(content).hexdigest()[:8], weak=self.weak)
        response.make_conditional(request.environ, accept_ranges=True, complete_length=len(content))
        if response.status_code == 206 and self.shifts:
            start = int(response.headers["Content-Range"].split()[1].split("-")[0]) + self.shifts
            response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if name in self.breaks:
            whole, length = response.get_data(), self.breaks.pop(name)
            response.response = _broken_off(whole[:length])
            response.headers["Content-Length"] = str(len(whole))
        return response


class SurveyAltdata(Altdata):
    """What it demands of itself when it posts."""

    listener_token: SecretStr = Field(description="Token")


class SurveyPayload(Payload):
    """Fields to point at."""

    queue_name: str = Field("survey", description="Name")
    fields: tuple[int, ...] = Field(min_length=1, description="Field numbers")
    note: str = Field("", description="Anything")


class Survey(Facility):
    """The client."""

    id = "survey"
    title = "Survey Telescope"
    Altdata = SurveyAltdata
    payloads: ClassVar[Mapping[str | None, type[BaseModel]]] = {None: SurveyPayload}
    needs_target = False
    takes_plans = True
    resumable = True

    def plan_name(self, payload: SurveyPayload) -> str:
        """The queue's."""
        return payload.queue_name

    def numbers(self, altdata: Any) -> range:
        """Three, so that they run out in a test."""
        return range(7, 10)

    def prepare(self, order: Order[Any, Any], link: Link) -> Prepared:
        """One POST a field that has not been taken."""
        done = order.facility_data.get("done", [])
        return Prepared(tuple(_post(order, field) for field in order.payload.fields if field not in done))

    def submit(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """One after another, each kept as it is taken."""
        done, left = list(order.facility_data.get("done", [])), []
        for request in prepared.exchanges:
            assert isinstance(request, HttpRequest)
            field = json.loads(request.body)["field"]
            try:
                drf.expect(link.http.send(request), 201)
                done.append(field)
                link.keep({"done": done})
            except Rejected:
                left.append(str(field))
        if not done:
            raise Rejected("no field was taken")
        return Submission(order.payload.queue_name, {"done": done}, left=tuple(left))

    def poll(self, order: Order[Any, Any], link: Link) -> Progress:
        """Complete at once, with two files."""
        link.shared["polls"] = link.shared.get("polls", 0) + 1
        products = (
            {"name": "lc.txt", "kind": "light_curve", "url": f"{_base()}/files/lc.txt"},
            {"name": "image.fits", "kind": "image", "url": f"{_base()}/files/image.fits"},
        )
        text = f"poll {link.shared['polls']} of this tick"
        return Progress(Status.COMPLETE, text, products=products, next_poll_s=None)

    def download(self, order: Order[Any, Any], product: Mapping[str, Any], link: Link) -> HttpRequest:
        """Where it is."""
        return HttpRequest("GET", product["url"])

    def photometry(
        self, order: Order[Any, Any], product: Mapping[str, Any], content: bytes
    ) -> Sequence[photometry.Row]:
        """`mjd flux error` a line, microjansky."""
        rows = [list(map(float, line.split())) for line in content.decode().splitlines()]
        return [
            photometry.Row(
                mjd, "g", flux, error, 23.9, snr=flux / error, flags=() if flux > 0 else ("faint",)
            )
            for mjd, flux, error in rows
        ]

    def queues(self, altdata: Any, link: Link) -> Sequence[Mapping[str, Any]]:
        """Two, one of them somebody else's."""
        return [{"name": "survey"}, {"name": "others", "token": altdata.listener_token.get_secret_value()}]

    def accepts(self, message: Message, altdata: Any) -> bool:
        """By its token."""
        given = message.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"token {altdata.listener_token.get_secret_value()}".encode())

    def message_number(self, message: Message) -> int | None:
        """`number`; a message below `notes` is about none."""
        if message.path == "notes":
            return None
        try:
            return int(json.loads(message.body)["number"])
        except (ValueError, KeyError):
            raise Invalid.field(["number"], "must be a number") from None

    def receive(self, order: Order[Any, Any], message: Message) -> Progress:
        """`text`, and a `file` of that name, which holds the text."""
        content = json.loads(message.body)
        text = content["text"]
        if "file" in content:
            product = {"name": content["file"], "kind": "log", "content_type": "text/plain"}
            return Progress(None, products=(product,), files={content["file"]: text.encode()})
        return Progress(Status.COMPLETE if text == "done" else None, text, next_poll_s=None)

    def reply(self, message: Message, error: Problem | None) -> tuple[int, Any]:
        """Like a marshal."""
        if error is None:
            return 200, {"status": "success"}
        return error.status, {"status": "error", "message": error.detail}


def _broken_off(content: bytes) -> Iterator[bytes]:
    yield content
    raise ConnectionAbortedError


def _post(order: Order[Any, Any], field: int) -> HttpRequest:
    content = {"field": field, "number": order.number, "plan": order.target.name}
    return HttpRequest.of_json("POST", f"{_base()}/pointings", content)


def _base() -> str:
    return config.facility_url("survey", "https://survey.example.org")
