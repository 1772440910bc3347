"""The simulator of LCO's Science Archive (facility card `lco`, "Retrieve" and "Simulator" point 8).

It shares the portal's users, observations and clock: frames of a request appear some time after its
observation has been completed, under the id of the child request and of no other. Download links are
signed, expire after 48 h and refuse a second authentication.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, Rule

from local.simulators.base import Simulator, json_response
from local.simulators.observation_portal import products, web
from local.simulators.observation_portal.catalogue import token_answer
from local.simulators.observation_portal.fields import show_time
from local.simulators.observation_portal.products import Frame

if TYPE_CHECKING:
    from local.simulators.observation_portal.core import PortalCore

JSON = dict[str, Any]
LINK_LIFE_S = 172_800
PAGE, LONGEST_PAGE = 100, 1000
THROTTLE: dict[str, int | None] = {"anonymous": 1000, "user": 50_000}
_SECRET = b"not a secret: signs the links of a simulator"
# our name of the parameter -> (its old alias, what of a frame it is compared with)
FILTERS: dict[str, tuple[str, Callable[[Frame], str | int]]] = {
    "request_id": ("REQNUM", lambda frame: frame.request),
    "reduction_level": ("RLEVEL", lambda frame: frame.level),
    "configuration_type": ("OBSTYPE", lambda frame: frame.kind),
    "proposal_id": ("PROPID", lambda frame: frame.proposal),
    "instrument_id": ("INSTRUME", lambda frame: frame.instrument),
    "site_id": ("SITEID", lambda frame: frame.site),
    "telescope_id": ("TELID", lambda frame: frame.telescope),
    "primary_optical_element": ("FILTER", lambda frame: frame.element),
    "observation_id": ("BLKUID", lambda frame: frame.observation),
    "target_name": ("OBJECT", lambda frame: frame.target),
    "basename_exact": ("basename_exact", lambda frame: frame.basename),
}
NUMERIC = {"request_id", "reduction_level", "observation_id"}


class LCOArchive(Simulator):
    """The archive of a portal."""

    name = "lco_archive"

    def __init__(self, portal: PortalCore) -> None:
        self.portal = portal
        super().__init__(portal.clock)

    def reset(self) -> None:
        """Back to the seed; the frames are the portal's."""
        super().reset()
        self.delay_s = (
            900.0  # of an e91 after the observation's end; others come sooner or later in proportion
        )
        self.throttle = web.Throttle(dict(THROTTLE))

    def rules(self) -> list[Rule]:
        """The archive's routes."""
        return [
            Rule("/api-token-auth/", methods=["POST"], endpoint="get_token"),
            Rule("/frames/", methods=["GET"], endpoint="list_frames"),
            Rule("/frames/<frame_id>/", methods=["GET"], endpoint="get_frame"),
            Rule("/frames/<frame_id>/headers/", methods=["GET"], endpoint="get_headers"),
            Rule("/frames/<frame_id>/related/", methods=["GET"], endpoint="get_related"),
            Rule("/store/<path:key>", methods=["GET"], endpoint="download"),
        ]

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """301 without the slash, JSON otherwise."""
        if isinstance(error, RequestRedirect):
            return Response(
                "", 301, {"Location": request.path + "/"}, content_type="text/html; charset=utf-8"
            )
        if error.code == 405:
            return json_response({"detail": f'Method "{request.method}" not allowed.'}, 405)
        return json_response({"detail": "Not found."}, error.code or 500)

    def get_token(self, request: Request) -> Response:
        """`POST /api-token-auth/`: the archive token for the password."""
        return token_answer(self.portal.accounts, web.body_of(request), archive=True)

    def list_frames(self, request: Request) -> Response:
        """`GET /frames/`."""
        rows = _ordered(request, _filtered(request, self._visible(request)))
        lean = request.args.get("include_related_frames", "").lower() == "false"
        if request.args.get("pagination_style") == "cursor":
            return json_response(self._cursor_page(request, rows, lean=lean))
        page = web.paged(request, [{"frame": frame} for frame in rows], PAGE, LONGEST_PAGE)
        page["results"] = [self._render(row["frame"], lean=lean) for row in page["results"]]
        page["count_estimated"] = False
        return json_response(page)

    def get_frame(self, request: Request, frame_id: str) -> Response:
        """`GET /frames/{id}/`, with a fresh link."""
        return json_response(self._render(self._frame(request, frame_id), lean=False))

    def get_headers(self, request: Request, frame_id: str) -> Response:
        """`GET /frames/{id}/headers/`."""
        return json_response({"data": products.header_of(self._frame(request, frame_id))})

    def get_related(self, request: Request, frame_id: str) -> Response:
        """`GET /frames/{id}/related/`: the raw frame of a reduced one."""
        frame = self._frame(request, frame_id)
        related = [
            self._render(row, lean=False) for row in self._visible(request) if row.id in self._related(frame)
        ]
        return json_response(related)

    def download(self, request: Request, key: str) -> Response:
        """The object store behind the links: XML errors, no second authentication."""
        if "Authorization" in request.headers:
            return _store_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        given = dict(parse_qsl(request.query_string.decode()))
        signature = given.pop("X-Amz-Signature", "")
        if not given:
            return _store_error(403, "AccessDenied", "Access Denied")
        if not hmac.compare_digest(signature, _signature(key, given)):
            return _store_error(403, "SignatureDoesNotMatch", "The signature does not match")
        signed = datetime.strptime(given["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
        if self.portal.now > signed + timedelta(seconds=LINK_LIFE_S):
            return _store_error(403, "AccessDenied", "Request has expired")
        for frame in self._frames():
            if _key(frame) == key:
                return Response(products.content(frame), 200, content_type="application/octet-stream")
        return _store_error(404, "NoSuchKey", "The specified key does not exist.")

    # -- who sees what

    def _frames(self) -> list[Frame]:
        with self.portal.lock:
            self.portal.scheduler.tick(self.portal.now)
            return list(products.frames(self.portal.store, self.portal.now, self.delay_s))

    def _visible(self, request: Request) -> list[Frame]:
        """The public frames, and with a token those of the user's proposals."""
        try:
            token = web.token_of(request, ("token", "bearer"))
        except ValueError as error:
            raise _refused(str(error)) from None
        accounts, now = self.portal.accounts, self.portal.now
        user = accounts.by_token(token, archive=True) if token else None
        if token and user is None:
            bearer = request.headers["Authorization"].lower().startswith("bearer")
            raise _refused("No Such User" if bearer else "Invalid token.")
        if user and not user.active:
            raise _refused("User inactive or deleted.")
        scope, who = ("user", user.username) if user else ("anonymous", request.remote_addr or "")
        self.throttle.count(scope, who, self.clock.time())
        mine = accounts.proposals_of(user)
        return [frame for frame in self._frames() if frame.public <= now or frame.proposal in mine]

    def _frame(self, request: Request, frame_id: str) -> Frame:
        wanted = web.integer_of(frame_id)
        for frame in self._visible(request):
            if frame.id == wanted:
                return frame
        raise web.detail("Not found.", 404)

    # -- rendering

    def _cursor_page(self, request: Request, rows: list[Frame], *, lean: bool) -> JSON:
        limit = min(request.args.get("limit", PAGE, type=int), LONGEST_PAGE)
        begin = int(request.args.get("cursor", "c0")[1:])
        others = [(k, v) for k, v in request.args.items(multi=True) if k != "cursor"]

        def link(at: int) -> str:
            return f"{request.base_url}?{urlencode([('cursor', f'c{at}'), *others])}"

        return {
            "next": link(begin + limit) if begin + limit < len(rows) else None,
            "previous": link(max(0, begin - limit)) if begin else None,
            "results": [self._render(frame, lean=lean) for frame in rows[begin : begin + limit]],
        }

    def _related(self, frame: Frame) -> list[int]:
        # A reduced frame follows its raw one in the series.
        return [frame.id - 1] if frame.level and frame.request != products.PUBLIC_REQUEST else []

    def _link(self, frame: Frame) -> str:
        given = {
            "versionId": _version(frame),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": self.portal.now.strftime("%Y%m%dT%H%M%SZ"),
            "X-Amz-Expires": str(LINK_LIFE_S),
            "X-Amz-SignedHeaders": "host",
        }
        signature = _signature(_key(frame), given)
        return f"{self.url}/store/{_key(frame)}?{urlencode({**given, 'X-Amz-Signature': signature})}"

    def _render(self, frame: Frame, *, lean: bool) -> JSON:
        link = self._link(frame)
        version = {
            "id": frame.id + 10_000_000,
            "key": _version(frame),
            "md5": hashlib.md5(products.content(frame)).hexdigest(),
            "extension": frame.extension,
            "url": link,
            "created": show_time(frame.due),
        }
        half = 0.22
        corners = [(half, -half), (-half, -half), (-half, half), (half, half), (half, -half)]
        rendered: JSON = {
            "id": frame.id,
            "basename": frame.basename,
            "observation_date": show_time(frame.date),
            "observation_day": frame.day,
            "proposal_id": frame.proposal,
            "instrument_id": frame.instrument,
            "target_name": frame.target,
            "reduction_level": frame.level,
            "site_id": frame.site,
            "telescope_id": frame.telescope,
            "exposure_time": frame.exposure,
            "primary_optical_element": frame.element,
            "public_date": show_time(frame.public),
            "configuration_type": frame.kind,
            "observation_id": frame.observation,
            "request_id": frame.request,
            "version_set": [version],
            "url": link,
            "filename": frame.filename,
            "area": {"type": "Polygon", "coordinates": [[[frame.ra + x, frame.dec + y] for x, y in corners]]},
        }
        aliases = {
            "DATE_OBS": "observation_date", "DAY_OBS": "observation_day", "EXPTIME": "exposure_time",
            "L1PUBDAT": "public_date",
        } | {alias: key for key, (alias, _) in FILTERS.items() if key != "basename_exact"}  # fmt: skip
        rendered |= {alias: rendered[key] for alias, key in aliases.items()}
        return rendered if lean else rendered | {"related_frames": self._related(frame)}


def _filtered(request: Request, rows: list[Frame]) -> list[Frame]:
    for key, (alias, value) in FILTERS.items():
        given = request.args.get(key) or request.args.get(alias)
        if not given:
            continue
        if key in NUMERIC and not given.lstrip("-").isdigit():
            raise web.stop({key: ["Enter a number."]}, 400)
        rows = [frame for frame in rows if str(value(frame)) == given]
    start, end = web.time_argument(request, "start"), web.time_argument(request, "end")
    rows = [frame for frame in rows if (not start or frame.date >= start) and (not end or frame.date <= end)]
    if request.args.get("exclude_calibrations", "").lower() == "true":
        rows = [frame for frame in rows if frame.kind not in products.CALIBRATIONS]
    if request.args.get("public", "").lower() == "false":
        rows = [frame for frame in rows if frame.request != products.PUBLIC_REQUEST]
    return rows


def _ordered(request: Request, rows: list[Frame]) -> list[Frame]:
    order = request.args.get("ordering", "-observation_date")
    keys: dict[str, Callable[[Frame], Any]] = {
        "observation_date": lambda frame: (frame.date, frame.id),
        "id": lambda frame: frame.id,
    }
    return sorted(
        rows, key=keys.get(order.lstrip("-"), keys["observation_date"]), reverse=order.startswith("-")
    )


def _key(frame: Frame) -> str:
    folder = "processed" if frame.level else "raw"
    return f"{frame.site}/{frame.instrument}/{frame.day.replace('-', '')}/{folder}/{frame.filename}"


def _version(frame: Frame) -> str:
    return hashlib.sha256(frame.filename.encode()).hexdigest()[:20]


def _signature(key: str, given: dict[str, str]) -> str:
    text = key + "?" + urlencode(sorted(given.items()))
    return hmac.new(_SECRET, text.encode(), "sha256").hexdigest()


def _store_error(status: int, code: str, message: str) -> Response:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    body = f"{declaration}\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, status, content_type="application/xml")


def _refused(text: str) -> HTTPException:
    """The archive answers 401 where the portal answers 403."""
    return web.detail(text, 401, {"WWW-Authenticate": "Token"})
