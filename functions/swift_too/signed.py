"""Protocol v1.2: one URL that takes signed tokens, and answers some of them only later (card: v1.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from slew import drf
from slew.errors import FacilityError, Failed, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link
from slew.models import Target
from slew.pages import for_people
from slew.wire import Answer, HttpRequest
from swift_too import form
from swift_too.answers import Outcome, Refused, outcome_of, words
from swift_too.models import SwiftTooAltdata
from swift_too.records import Entry, File, Flown, Snapshot, Window, moment
from swift_too.rest import CALENDAR_RADIUS
from swift_too.service import Version, base_url, stamp
from swift_too.target_of_opportunity import TooPayload

API_VERSION = "1.2"
TARGET_RADIUS = 11.8 / 60  # deg; what the official client sends with a target's number
BAD_SECRET = "bad shared secret (answer not JSON)"  # noqa: S105 - what is said of one
QUEUED_S = 30.0
"""Seconds after which to ask again for what is queued; jobs take 10 to 20 s."""
_HTML = re.compile(r"\s*<(!doctype|html|head|body)\b", re.IGNORECASE)


def token(api_name: str, api_data: Mapping[str, Any]) -> str:
    """A token but for its signature: header and payload, base64url without padding."""
    parts = (
        {"alg": "HS256", "typ": "JWT"},
        {"api_name": api_name, "api_version": API_VERSION, "api_data": dict(api_data)},
    )
    return ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)


def sign(unsigned: str, secret: SecretStr) -> str:
    """The token with its signature (HMAC-SHA256)."""
    digest = hmac.digest(secret.get_secret_value().encode(), unsigned.encode(), hashlib.sha256)
    return f"{unsigned}.{_base64(digest)}"


class Signed:
    """Protocol v1.2 for one set of credentials; see `Service`."""

    version: Version = "v1.2"

    def __init__(self, altdata: SwiftTooAltdata, link: Link) -> None:
        self._url = base_url("v1.2")
        self._altdata, self._http = altdata, link.http

    def request(self, target: Target, payload: TooPayload, *, validate_only: bool = False) -> HttpRequest:
        """The token, with a mask in the place of its signature."""
        fields = form.of_v1(target, payload, self._altdata.username, validate_only=validate_only)
        return self._unsigned("Swift_TOO_Request", fields)

    def send(self, request: HttpRequest, *, harmless: bool = False) -> Outcome:
        """Sign and post it."""
        request = self._with_signature(request)
        answer = self._http.read(request) if harmless else self._http.send(request)
        outcome = outcome_of(_content(answer))
        if outcome is None:
            raise Unanswered(f"an answer without a status: {words(answer)}")
        if outcome.status == "Rejected":
            raise Refused(outcome.refusal)
        return outcome

    def job(self, number: int) -> Outcome:
        """`Swift_TOO_Status`."""
        request = self._unsigned("Swift_TOO_Status", self._own({"jobnumber": number}))
        outcome = outcome_of(self._fetch(request))
        if outcome is None:
            raise NoAnswer(f"the state of job {number} cannot be read")
        return outcome

    def requests(self, query: Mapping[str, Any], *, own: bool = False) -> list[Entry]:
        """`Swift_TOO_Requests`, which takes the length of a period for its end."""
        fields = {name: value for name, value in query.items() if name not in ("detail", "end")}
        if "end" in query:
            begin, end = moment(query["begin"]), moment(query["end"])
            fields["length"] = (end - begin).total_seconds() / 86400 if begin and end else None
        order = ("limit", "too_id", "year", "detail", "ra", "dec", "radius", "begin", "length")
        fields["detail"] = own
        asked = {name: fields[name] for name in order if fields.get(name) is not None}
        return [Entry.read(each) for each in self._entries("Swift_TOO_Requests", asked)]

    def calendar(self, too_id: int) -> list[Window]:
        """`Swift_Calendar`."""
        entries = self._entries("Swift_Calendar", {"too_id": too_id, "radius": CALENDAR_RADIUS})
        return [found for each in entries if (found := Window.read(each))]

    def observations(self, query: HttpRequest) -> Flown:
        """`Swift_AFST`."""
        content = self._fetch(query)
        read = (Snapshot.read(each) for each in _entries_in(content))
        return Flown(tuple(each for each in read if each), moment(content.get("afstmax")))

    def of_target(self, target_id: int) -> HttpRequest:
        """By the target's number."""
        fields = {"radius": TARGET_RADIUS, "targetid": target_id}
        return self._unsigned("Swift_AFST", self._own(fields))

    def in_cone(self, target: Target, radius: float, begin: datetime, end: datetime) -> HttpRequest:
        """By position and period."""
        period = {"begin": stamp(begin), "end": stamp(end)}
        fields = {**period, "ra": target.ra, "dec": target.dec, "radius": radius}
        return self._unsigned("Swift_AFST", self._own(fields))

    def files(self, obs_id: str, wanted: Mapping[str, bool]) -> list[File]:
        """`Swift_Data`."""
        flags = {name: True for name in ("bat", "xrt", "uvot") if wanted.get(name)}
        fields = {"obsid": obs_id, "quicklook": False, "auxil": True, **flags}
        return [found for each in self._entries("Swift_Data", fields) if (found := File.read(each))]

    def check_login(self) -> str | None:
        """Ask for one TOO, which a wrong signature does not get."""
        request = self._unsigned("Swift_TOO_Requests", self._own({"limit": 1}))
        try:
            _content(self._http.read(self._with_signature(request)))
        except Rejected as error:
            return error.reason
        except (NotSent, Unanswered, Failed) as error:
            raise NoAnswer(error.reason, error.retry_after) from None
        return None

    def _own(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"username": self._altdata.username, **fields}

    def _unsigned(self, api_name: str, fields: Mapping[str, Any]) -> HttpRequest:
        return HttpRequest.of_form("POST", self._url, {"jwt": f"{token(api_name, fields)}."})

    def _with_signature(self, request: HttpRequest) -> HttpRequest:
        unsigned = request.body.decode().removeprefix("jwt=").rstrip(".")
        return replace(request, body=f"jwt={sign(unsigned, self._altdata.secret)}".encode())

    def _entries(self, api_name: str, fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return _entries_in(self._fetch(self._unsigned(api_name, self._own(fields))))

    def _fetch(self, request: HttpRequest) -> Mapping[str, Any]:
        """The data of a harmless request's answer. Raises NoAnswer."""
        answer = self._http.read(self._with_signature(request))
        try:
            return _content(answer)
        except FacilityError as error:
            raise NoAnswer(error.reason, error.retry_after) from None


def _content(answer: Answer) -> Mapping[str, Any]:
    """The data of an answer. Raises NotSent, Unanswered, Rejected or Failed."""
    if answer.status == 429:
        raise NotSent(f"throttled: {words(answer)}", retry_after=drf.wait_s(answer))
    if answer.status >= 500:
        raise Unanswered(f"facility unavailable: HTTP {answer.status}")
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "nowhere")
        raise Rejected(f"HTTP {answer.status}, redirected to {target}: is the base URL right?")
    content = _json(answer)
    if answer.status >= 400:
        outcome = outcome_of(_unwrapped(content))
        if outcome is None or outcome.status != "Rejected":  # which is the state of a job, too
            raise Refused("; ".join(outcome.errors) if outcome and outcome.errors else words(answer))
    if not isinstance(content, Mapping):
        # Both a page of some proxy and the word of a wrong secret come with the same type and status.
        if _HTML.match(answer.text) or answer.truncated or not answer.body.strip():
            raise Unanswered(f"HTTP {answer.status} with an answer that cannot be read: {words(answer)}")
        raise Rejected(BAD_SECRET)
    if "api_version" in content and str(content["api_version"]) != API_VERSION:
        theirs = for_people(str(content["api_version"]), 20)
        text = f"Swift speaks version {theirs} of its protocol, not {API_VERSION}"
        raise Failed(text, unconfirmed=True)
    data = _unwrapped(content)
    return data if isinstance(data, Mapping) else {}


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.text.strip())
    except (ValueError, RecursionError):
        return None


def _unwrapped(content: Any) -> Any:
    """Nested objects `{api_name, api_version, api_data}` give way to their data."""
    if isinstance(content, list):
        return [_unwrapped(each) for each in content]
    if not isinstance(content, Mapping):
        return content
    if isinstance(content.get("api_data"), Mapping):
        return _unwrapped(content["api_data"])
    return {name: _unwrapped(value) for name, value in content.items()}


def _entries_in(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of a query's answer. Raises NoAnswer, also while the query is queued."""
    outcome = outcome_of(content)
    if outcome is not None and outcome.waiting:
        raise NoAnswer("the query is queued", retry_after=QUEUED_S)
    if outcome is not None and outcome.status == "Rejected":
        raise NoAnswer(f"query refused: {outcome.refusal}")
    entries = content.get("entries")
    if not isinstance(entries, list):
        raise NoAnswer("the answer has no entries")
    return [each for each in entries if isinstance(each, Mapping)]


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
