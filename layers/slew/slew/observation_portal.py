"""An Observation Portal's calls: how to put requests, what answers mean (facility cards, Operations).

Every path ends in a slash: without it a portal answers 301, and a POST that follows it as a GET submits
nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from slew import drf
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Cancellation, HttpLink, Order, Progress, Submission, Verdict, Verification
from slew.portal_progress import STATES, USUAL, Rhythm, progress, request_ids
from slew.requestgroup import Body, is_marked
from slew.status import Status
from slew.wire import Answer, HttpRequest, NotJson

GROUPS = "/api/requestgroups/"
# A submission computes visibility, which takes seconds (card: allow 60 s at least).
SUBMIT_TIMEOUT_S = 60.0
# Within this time a portal that we no longer hear may still store a group: the usual limit of its workers.
SETTLING = timedelta(minutes=3)
_CLOCKS_APART = timedelta(minutes=5)
_PAGE, _PAGES = 20, 50
_ENDS = frozenset(STATES) - {"PENDING"}
_CANNOT = re.compile(r"Cannot transition from request state (\w+) to CANCELED")
_LOST_INSTRUMENTS = "Valid instruments may include:"
_LOST_RETRY_S = 300.0


class Portal:
    """One portal seen with one token."""

    def __init__(self, url: str, token: SecretStr, http: HttpLink) -> None:
        self._url, self._token, self._http = url, token, http

    def submission(self, body: Body) -> HttpRequest:
        """The exchange that submits a body."""
        return HttpRequest.of_json("POST", self._url + GROUPS, body, self._headers())

    def submit(self, request: HttpRequest) -> Submission:
        """Submit. Raises Rejected, NotSent or Unanswered."""
        answer = self._http.send(request, read_timeout=SUBMIT_TIMEOUT_S)
        _check(answer, 201)
        try:
            return submission_of(answer.json())
        except (NotJson, LookupError, TypeError, ValueError):
            raise Unanswered("the portal accepted it (HTTP 201), but its answer cannot be read") from None

    def validate(self, request: HttpRequest) -> Verdict:
        """What the portal says of a submission; it stores nothing. Raises Rejected, NotSent or NoAnswer."""
        asked = HttpRequest("POST", f"{self._url}{GROUPS}validate/", request.headers, request.body)
        answer = self._read(asked, SUBMIT_TIMEOUT_S)
        verdict = answer.json()
        errors = verdict.get("errors") if isinstance(verdict, dict) else None
        if errors is None:
            raise NoAnswer("the portal's answer to validate cannot be read")
        if not errors:
            return Verdict(True, details={"request_durations": verdict.get("request_durations")})
        lines = drf.flatten(errors)
        _check_instruments(lines)
        return Verdict(False, _joined(lines), {"errors": errors})

    def cancel(self, group_id: str) -> Cancellation:
        """Cancel a group: a status other than CANCELLED says how it had ended before.

        Raises Rejected, NotSent or Unanswered.
        """
        headers = {**self._headers(), "Content-Type": "application/json"}
        answer = self._http.send(HttpRequest("POST", f"{self._url}{GROUPS}{group_id}/cancel/", headers))
        if answer.status == 400 and (match := _CANNOT.search(answer.text)) and match[1] in _ENDS:
            return Cancellation(STATES[match[1]], match[1], drf.refusal(answer))
        _check(answer, 200)
        # Only the group's own state is proof: maintenance pages and proxies answer 200 as well.
        told = _state(answer, group_id)
        state = told if told in _ENDS else self._state_now(group_id)
        if state in _ENDS:
            return Cancellation(STATES[state], state)
        if told == state:
            raise Rejected(f"the portal did not cancel it: its state is still {state}")
        raise Unanswered(f"the portal's answer to cancel cannot be read, and the state is {state}")

    def poll(self, order: Order[Any, Any], rhythm: Rhythm = USUAL) -> Progress:
        """How a group goes. Raises NoAnswer."""
        try:
            group = self._get(f"{GROUPS}{order.facility_request_id}/").json()
            observations = [
                each
                for child in request_ids(group)
                for each in self._get(f"/api/requests/{child}/observations/").json()
            ]
            return progress(group, observations, order, rhythm)
        except Rejected as refusal:
            # 404: the wrong id, or a token without access to it. Neither says that the request has failed.
            return Progress(None, refusal.reason, data=order.facility_data, next_poll_s=3600.0)
        except (LookupError, TypeError, AttributeError):
            raise NoAnswer("the portal's answer cannot be read") from None

    def reconcile(self, order: Order[Any, Any], proposal: str) -> Submission | Absent | None:
        """Look for a group that carries our id. Raises NoAnswer."""
        try:
            return self._find(order, proposal)
        except Rejected as refusal:
            raise NoAnswer(refusal.reason) from None
        except (LookupError, TypeError, ValueError, AttributeError):
            raise NoAnswer("the portal's answer cannot be read") from None

    def _find(self, order: Order[Any, Any], proposal: str) -> Submission | Absent | None:
        # An update may have changed the name, and its crash may have kept us from noting it.
        query = {
            **({} if order.facility_request_id else {"name": order.target.name}),
            "proposal": proposal,
            "created_after": f"{(order.created_at - _CLOCKS_APART).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "limit": _PAGE,
        }
        found: list[Body] = []
        for page in range(_PAGES):
            listed = self._get(f"{GROUPS}?{urlencode({**query, 'offset': page * _PAGE})}").json()
            found += [group for group in listed["results"] if is_marked(group, order.request_id)]
            if not listed.get("next"):
                break
        else:
            return None  # too many to go through: a person decides
        if order.facility_request_id and not found:
            # What an update replaces may be older than the list goes back; while it lives, nothing is sent.
            found.append(self._get(f"{GROUPS}{order.facility_request_id}/").json())
        return _settled(found, order)

    def verify(self, proposal: str) -> Verification:
        """Whether the token is good, and its user a member of the proposal. Raises NoAnswer."""
        try:
            profile = self._profile()
            current = {each["id"]: each.get("current") for each in profile["proposals"]}
            username = profile["username"]
        except Rejected as refusal:
            return Verification(False, refusal.reason)
        except (LookupError, TypeError, AttributeError):
            raise NoAnswer("the portal's answer cannot be read") from None
        details = {
            "username": username,
            "proposal": proposal,
            "proposal_current": bool(current.get(proposal)),
        }
        if proposal not in current:
            return Verification(False, f"{username} is not a member of proposal {proposal}", details)
        if not current[proposal]:
            return Verification(True, f"the token is good, but proposal {proposal} is not current", details)
        return Verification(True, f"{username} is a member of proposal {proposal}", details)

    def _profile(self) -> Any:
        """The token's user. Raises NoAnswer, and Rejected for a token that is refused."""
        answer = self._http.read(HttpRequest("GET", f"{self._url}/api/profile/", self._headers()))
        if 300 <= answer.status < 500 and answer.status not in (401, 403, 429):
            # Every portal has this path: what answers here is none, and says nothing of the token.
            raise NoAnswer(
                f"no portal answers at the configured URL (HTTP {answer.status} for /api/profile/)"
            )
        return _readable(answer).json()

    def semester_end(self, moment: datetime) -> datetime | None:
        """The end of the semester that holds a moment; None if the portal cannot say."""
        query = urlencode({"semester_contains": f"{moment.astimezone(UTC):%Y-%m-%d}"})
        try:
            semesters = self._get(f"/api/semesters/?{query}", 5.0).json()["results"]
            spans = [
                (datetime.fromisoformat(each["start"]), datetime.fromisoformat(each["end"]))
                for each in semesters
            ]
            return max((end for start, end in spans if start <= moment <= end), default=None)
        except (NoAnswer, Rejected, LookupError, TypeError, ValueError):
            return None

    def _state_now(self, group_id: str) -> str:
        """A group's state after a cancellation that tells none. Raises Unanswered."""
        try:
            state = _state(self._get(f"{GROUPS}{group_id}/"), group_id)
        except (NoAnswer, Rejected) as error:
            raise Unanswered(f"the portal does not tell whether it is cancelled: {error.reason}") from None
        if state is None:
            raise Unanswered("the portal's answers to cancel cannot be read")
        return state

    def _get(self, path: str, read_timeout: float = 20.0) -> Answer:
        return self._read(HttpRequest("GET", self._url + path, self._headers()), read_timeout)

    def _read(self, request: HttpRequest, read_timeout: float) -> Answer:
        """A harmless call that must be answered by 200 and JSON. Raises NoAnswer or Rejected."""
        return _readable(self._http.read(request, read_timeout=read_timeout))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self._token.get_secret_value()}", "Accept": "application/json"}


def submission_of(group: Body) -> Submission:
    """What is kept of a group: its own id cancels and tells the status, its requests' ids find data."""
    state = str(group["state"])
    return Submission(
        facility_request_id=str(int(group["id"])),
        data={"request_ids": [int(child) for child in request_ids(group)]},
        status=STATES.get(state, Status.SUBMITTED),
        text=state,
    )


def _settled(found: list[Body], order: Order[Any, Any]) -> Submission | Absent | None:
    """What groups with our mark tell; the one of before an update has it too, and counts while it lives."""
    found.sort(key=lambda group: int(group["id"]))
    new = [group for group in found if str(group["id"]) != order.facility_request_id]
    if new:
        return submission_of(new[-1])
    began = order.created_at
    if found and STATES.get(str(found[-1]["state"])) not in (Status.CANCELLED, Status.EXPIRED):
        return submission_of(found[-1])
    if found:
        began = datetime.fromisoformat(found[-1]["modified"])  # cancelled, just before the new one was posted
    return Absent() if order.now - began >= SETTLING else None


def _readable(answer: Answer) -> Answer:
    """The answer to a harmless call, if it is 200 and JSON. Raises NoAnswer or Rejected."""
    try:
        _check(answer, 200)
        answer.json()
    except NotSent as error:
        raise NoAnswer(error.reason, error.retry_after) from None
    except (Unanswered, NotJson) as error:
        raise NoAnswer(str(error)) from None
    return answer


def _state(answer: Answer, group_id: str) -> str | None:
    """The state of that group, if this is what the answer is."""
    try:
        group = answer.json()
        return str(group["state"]) if str(group["id"]) == group_id else None
    except (NotJson, LookupError, TypeError):
        return None


def _check(answer: Answer, accepted: int) -> None:
    """Raises what an answer other than the accepted one means: NotSent, Unanswered or Rejected."""
    if answer.status == accepted:
        return
    if answer.status < 300:
        raise Unanswered(f"the portal answered HTTP {answer.status} where {accepted} was expected")
    if answer.status < 400:
        raise Rejected(f"the portal answered with a redirect (HTTP {answer.status}), which is not followed")
    if answer.status < 500 and answer.status != 429:
        _check_json(answer)
    if answer.status == 400:
        lines = drf.flatten(answer.json())
        _check_instruments(lines)
        raise Rejected(_joined(lines))
    if answer.status == 404:
        raise Rejected(f"{drf.refusal(answer)} (a wrong id, or a token without access to it)")
    drf.expect(answer, accepted)


def _check_json(answer: Answer) -> None:
    try:
        answer.json()
    except NotJson as error:
        # A proxy's or maintenance page: nobody can tell what became of the request behind it.
        raise Unanswered(f"facility unavailable: {error}") from None


def _check_instruments(lines: list[str]) -> None:
    """Raises NotSent for a portal that knows no instrument: its ConfigDB is out, which looks like a 400."""
    if any(line.endswith(_LOST_INSTRUMENTS) for line in lines):
        raise NotSent("facility unavailable: the portal has lost its list of instruments", _LOST_RETRY_S)


def _joined(lines: list[str]) -> str:
    return "; ".join(dict.fromkeys(lines)) or "refused without a reason"
