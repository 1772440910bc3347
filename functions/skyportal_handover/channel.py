"""Photometry and status into a SkyPortal instance, by its API.

Photometry goes by `PUT /api/photometry`, which takes what it has already without complaint: a delivery may
come twice. The status is set on the request that the instance itself made, if it is told which allocation of
its own to look under (card generic.md, "Rules that follow", 9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from slew import light_curve, retrieval, store
from slew.delivery import Progress
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.http import Http
from slew.light_curve import Cuts
from slew.notice import Notice, short
from slew.pages import for_people
from slew.records import Request
from slew.redact import Redactor
from slew.wire import Answer, HttpRequest, NotJson

ROWS = 2000
"""Measurements in one call."""
PAGE = 100
"""Requests of one page of the instance's list."""


class SkyPortalChannel:
    """Posts to the allocation's SkyPortal instance."""

    name = "skyportal"
    owner = "handover"

    def secrets(self, addressee: Mapping[str, Any]) -> list[str]:
        """The instance's token."""
        return [addressee["skyportal"]["token"]] if "skyportal" in addressee else []

    def send(
        self, notice: Notice, addressee: Mapping[str, Any], progress: Progress, redactor: Redactor
    ) -> None:
        """Hand the measurements over, then the status. Raises Rejected or NotSent."""
        about = addressee.get("skyportal")
        request = store.get_request(notice.request_id)
        if about is None or request is None:
            raise Rejected("the allocation has no SkyPortal instance, or the request is gone")
        portal = _Portal(about["url"], about["token"], Http(redactor))
        for number, body in enumerate(_photometry(request, about) if request.rows else ()):
            if not progress.has(f"photometry {number}"):
                progress.check_time()
                portal.upload(body)
                progress.done(f"photometry {number}")
        if about.get("allocation_id") and not progress.has("status"):
            numbers = portal.requests_of(notice.target_name, about["allocation_id"], progress)
            if numbers:
                portal.set_status(max(numbers), notice)
            progress.done("status")


class _Portal:
    """The instance's API."""

    def __init__(self, url: str, token: str, http: Http) -> None:
        self._url, self._http = url, http
        self._headers = {"Authorization": f"token {token}", "Accept": "application/json"}

    def upload(self, body: Mapping[str, Any]) -> None:
        """`PUT /api/photometry`."""
        self._send("PUT", "/api/photometry", body)

    def requests_of(self, obj_id: str, allocation_id: int, progress: Progress) -> list[int]:
        """The numbers of the requests there for this object and allocation.

        The instance's list is of all objects whose names hold this one's.
        """
        numbers: list[int] = []
        seen = page = 0
        while True:
            page += 1
            progress.check_time()
            about = {
                "sourceID": obj_id,
                "allocationID": allocation_id,
                "pageNumber": page,
                "numPerPage": PAGE,
            }
            listed = self._read(f"/api/followup_request?{urlencode(about)}")
            found = listed.get("followup_requests")
            found = found if isinstance(found, list) else []
            numbers += [each["id"] for each in found if _is_of(each, obj_id, allocation_id)]
            seen += len(found)
            total = listed.get("totalMatches")
            if not found or not isinstance(total, int) or seen >= total:
                return numbers

    def set_status(self, number: int, notice: Notice) -> None:
        """Set the status of a request there."""
        status = f"{notice.status}: {notice.text}" if notice.text else notice.status
        self._send("PUT", f"/api/followup_request/{number}", {"status": short(status, 200)})

    def _send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        request = HttpRequest.of_json(method, self._url + path, body, self._headers, untrusted=True)
        try:
            _check(self._http.send(request, read_timeout=12))
        except Unanswered as error:
            raise NotSent(error.reason) from None  # both calls may be repeated

    def _read(self, path: str) -> dict[str, Any]:
        try:
            request = HttpRequest("GET", self._url + path, self._headers, untrusted=True)
            answer = _check(self._http.read(request, read_timeout=8))
        except NoAnswer as error:
            raise NotSent(error.reason) from None
        try:
            data = answer.json().get("data")
        except (NotJson, AttributeError):
            raise NotSent("SkyPortal: an answer that cannot be read") from None
        return data if isinstance(data, dict) else {}


def _photometry(request: Request, about: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The measurements, as many at a time as the instance takes within our patience."""
    rows = light_curve.select(retrieval.rows(request), Cuts(unflagged=bool(about.get("unflagged"))))
    rows = light_curve.for_skyportal(rows)
    name, groups = str(request.target["name"]), about.get("group_ids") or ()
    for start in range(0, len(rows), ROWS):
        yield light_curve.as_skyportal(rows[start : start + ROWS], name, about["instrument_id"], groups)


def _is_of(listed: Any, obj_id: str, allocation_id: int) -> bool:
    return (
        isinstance(listed, dict)
        and isinstance(listed.get("id"), int)
        and (listed.get("obj_id"), listed.get("allocation_id")) == (obj_id, allocation_id)
    )


def _check(answer: Answer) -> Answer:
    """Raises Rejected where the instance refuses, NotSent where it cannot just now."""
    if answer.status == 429 or answer.status >= 500:
        raise NotSent(f"SkyPortal: HTTP {answer.status}", answer.retry_after)
    try:
        content = answer.json()
        refused = answer.status >= 400 or content.get("status") == "error"
    except (NotJson, AttributeError):
        raise Rejected(f"SkyPortal: HTTP {answer.status} with an answer that cannot be read") from None
    if refused:
        raise Rejected(f"SkyPortal: {for_people(str(content.get('message') or answer.status), 299)}")
    return answer
