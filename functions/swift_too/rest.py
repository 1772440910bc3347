"""Protocol v2: forms and queries over HTTP, with a session that a login gives (card: v2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from slew.errors import NoAnswer, NotSent, Rejected
from slew.facility import Link
from slew.models import Target
from slew.wire import Answer, HttpRequest
from swift_too import form
from swift_too.answers import Outcome, check_reachable, content_of, read_list, taken, words
from swift_too.models import ANONYMOUS, SwiftTooAltdata
from swift_too.records import Entry, File, Flown, Snapshot, Window, moment
from swift_too.service import Version, base_url, stamp
from swift_too.target_of_opportunity import TooPayload

CALENDAR_RADIUS = 0.2  # deg, the official client's
_KEPT_SESSIONS = 100


class Sessions:
    """Sessions in memory, each of one allocation, account and secret: none is ever used for another."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], str] = {}

    def get(self, owner: str, altdata: SwiftTooAltdata) -> str | None:
        """The session of this allocation with these credentials, if there is one."""
        return self._cookies.get(_key(owner, altdata))

    def put(self, owner: str, altdata: SwiftTooAltdata, cookie: str) -> None:
        """Keep it in the place of an earlier one."""
        if len(self._cookies) >= _KEPT_SESSIONS:
            self._cookies.clear()
        self._cookies[_key(owner, altdata)] = cookie

    def drop(self, owner: str, altdata: SwiftTooAltdata) -> None:
        """Forget it: the server does not know it any more."""
        self._cookies.pop(_key(owner, altdata), None)


class Rest:
    """Protocol v2 for one allocation; see `Service`. `owner` is the allocation's id."""

    version: Version = "v2"

    def __init__(self, altdata: SwiftTooAltdata, owner: str, link: Link, sessions: Sessions) -> None:
        self._base = base_url("v2")
        self._altdata, self._owner, self._http, self._sessions = altdata, owner, link.http, sessions

    def request(self, target: Target, payload: TooPayload, *, validate_only: bool = False) -> HttpRequest:
        """The form, without the session that it is sent with."""
        fields = form.of_v2(target, payload, self._altdata.username, validate_only=validate_only)
        return HttpRequest.of_form("POST", f"{self._base}/swift/too", fields)

    def send(self, request: HttpRequest, *, harmless: bool = False) -> Outcome:
        """Send the form in a session; where it has ended, log in once more and send once more."""
        answer = self._in_session(request, harmless=harmless)
        if answer.status == 401:  # refused before it was looked at: sending again cannot make two of it
            self._sessions.drop(self._owner, self._altdata)
            try:
                answer = self._in_session(request, harmless=harmless)
            except NoAnswer as error:
                raise NotSent(error.reason, error.retry_after) from None
        return taken(answer)

    def job(self, number: int) -> Outcome:
        """Not needed: v2 answers at once."""
        raise NoAnswer(f"job {number} was queued by protocol v1.2")

    def requests(self, query: Mapping[str, Any], *, own: bool = False) -> list[Entry]:
        """`GET /swift/too`; in a session, a new one, only where justifications are asked for."""
        if own:  # one that has ended would leave them out without a word
            self._sessions.drop(self._owner, self._altdata)
        fields = form.of_query({"detail": own, **query, "debug": False})
        cookie = {"Cookie": f"session={self._session()}"} if own else {}
        entries, _ = read_list(
            self._http.read(replace(self._query("/swift/too", fields), headers={**_ACCEPT, **cookie}))
        )
        return [Entry.read(each) for each in entries if isinstance(each, Mapping)]

    def calendar(self, too_id: int) -> list[Window]:
        """`GET /swift/calendar`."""
        query = self._query("/swift/calendar", {"too_id": too_id, "radius": CALENDAR_RADIUS})
        entries, _ = read_list(self._http.read(query))
        return [found for each in entries if isinstance(each, Mapping) and (found := Window.read(each))]

    def observations(self, query: HttpRequest) -> Flown:
        """`GET /swift/obsquery`."""
        entries, content = read_list(self._http.read(query))
        read = (Snapshot.read(each) for each in entries if isinstance(each, Mapping))
        return Flown(tuple(each for each in read if each), moment(content.get("afstmax")))

    def of_target(self, target_id: int) -> HttpRequest:
        """By the target's number."""
        return self._query("/swift/obsquery", {"target_id": target_id})

    def in_cone(self, target: Target, radius: float, begin: datetime, end: datetime) -> HttpRequest:
        """By position and period."""
        period = {"begin": stamp(begin), "end": stamp(end)}
        return self._query(
            "/swift/obsquery", {"ra": target.ra, "dec": target.dec, **period, "radius": radius}
        )

    def files(self, obs_id: str, wanted: Mapping[str, bool]) -> list[File]:
        """`GET /swift/data`: the archive first, then quick-look."""
        others = ("log", "tdrss", "quicklook", "uksdc", "itsdc", "subthresh")
        flags = {"auxil": True, **{name: wanted.get(name, False) for name in ("bat", "xrt", "uvot")}}
        fields = form.of_query({"obs_id": obs_id, **flags, **dict.fromkeys(others, False)})
        entries, _ = read_list(self._http.read(self._query("/swift/data", fields)))
        return [found for each in entries if isinstance(each, Mapping) and (found := File.read(each))]

    def visible(self, target: Target, begin: datetime, end: datetime) -> list[dict[str, str]]:
        """`GET /swift/visquery`: when the target can be observed. Raises NoAnswer."""
        fields = {"ra": target.ra, "dec": target.dec, "begin": stamp(begin), "end": stamp(end)}
        answer = self._http.read(self._query("/swift/visquery", {**fields, "hires": "false"}))
        windows, _ = read_list(answer, "windows")
        return [
            {"begin": str(each.get("begin")), "end": str(each.get("end"))}
            for each in windows
            if isinstance(each, Mapping)
        ]

    def filters(self, target: Target, mode: str) -> list[str]:
        """`GET /swift/uvot_mode`: the filters of a UVOT mode at this position. Raises NoAnswer."""
        fields = {"uvot_mode": int(mode, 16), "ra": target.ra, "dec": target.dec}
        entries, _ = read_list(self._http.read(self._query("/swift/uvot_mode", fields)))
        return [str(each.get("filter_name")) for each in entries if isinstance(each, Mapping)]

    def check_login(self) -> str | None:
        """Log in anew, and ask whose session it is."""
        if self._altdata.username == ANONYMOUS:
            return None
        try:
            cookie = self._login()
        except Rejected as error:
            return error.reason
        headers = {**_ACCEPT, "Cookie": f"session={cookie}"}
        answer = self._http.read(HttpRequest("GET", f"{self._base}/session", headers))
        content = content_of(answer)
        if answer.status != 200 or not isinstance(content, Mapping):
            raise NoAnswer(f"the session could not be read: HTTP {answer.status}: {words(answer)}")
        if content.get("username") != self._altdata.username:
            return "the session is another user's"
        return None

    def _query(self, path: str, fields: Mapping[str, Any]) -> HttpRequest:
        return HttpRequest("GET", f"{self._base}{path}?{urlencode(fields)}", _ACCEPT)

    def _in_session(self, request: HttpRequest, *, harmless: bool) -> Answer:
        headers = {**request.headers, "Cookie": f"session={self._session()}"}
        request = replace(request, headers=headers)
        make = self._http.read if harmless else self._http.send
        answer = make(request)
        target = urljoin(request.url, answer.headers.get("location", ""))
        if answer.status in (307, 308) and _origin(target) == _origin(request.url):
            answer = make(replace(request, url=target))  # it has done nothing but point there
        return answer

    def _session(self) -> str:
        cookie = self._sessions.get(self._owner, self._altdata)
        if cookie is None:
            cookie = self._login()
            self._sessions.put(self._owner, self._altdata, cookie)
        return cookie

    def _login(self) -> str:
        """A new session. Raises Rejected where Swift refuses the credentials, NoAnswer where it fails."""
        content = {"username": self._altdata.username, "password": self._altdata.secret.get_secret_value()}
        body = json.dumps(content, separators=(",", ":")).encode()
        headers = {**_ACCEPT, "Content-Type": "application/json"}
        answer = self._http.read(HttpRequest("POST", f"{self._base}/login", headers, body))
        if answer.status == 429 or answer.status >= 500:
            raise NoAnswer(
                f"Swift login failed: HTTP {answer.status}: {words(answer)}", retry_after=answer.retry_after
            )
        if answer.status != 200:
            check_reachable(answer)
            raise Rejected(f"Swift login failed (check username and secret): {words(answer)}")
        cookie = _session_in(answer)
        if cookie is None:
            raise NoAnswer(f"Swift login gave no session: {words(answer)}")
        return cookie


_ACCEPT = {"Accept": "application/json"}


def _session_in(answer: Answer) -> str | None:
    for line in answer.set_cookies:
        name, _, value = line.partition(";")[0].partition("=")
        if name.strip() == "session" and value.strip():
            return value.strip()
    return None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _key(owner: str, altdata: SwiftTooAltdata) -> tuple[str, str, str]:
    digest = hashlib.sha256(altdata.secret.get_secret_value().encode()).hexdigest()
    return owner, altdata.username, digest
