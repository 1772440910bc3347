"""The Gemini Observatory Archive: which files there are, how one is fetched (card: Data products)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any
from urllib.parse import quote

from gemini import sites
from gemini.models import GeminiAltdata
from slew import astro
from slew.errors import NoAnswer
from slew.facility import Link, Order
from slew.pages import file_name
from slew.wire import HttpRequest, NotJson

COOKIE = "gemini_archive_session"
TIMEOUT_S = 30.0
_SESSION = re.compile(rf"{COOKIE}=\"?([^;\s\"]+)")
_SPECTRA = ("ls", "mos", "ifs", "ifp", "spectroscopy")
_SHOWN = (
    "observation_id",
    "data_label",
    "telescope",
    "instrument",
    "ut_datetime",
    "observation_type",
    "observation_class",
    "object",
    "filter_name",
    "exposure_time",
    "disperser",
    "central_wavelength",
    "mode",
    "qa_state",
    "release",
    "reduction",
)


def products(observation_ids: Iterable[str], link: Link) -> tuple[Mapping[str, Any], ...]:
    """The files of these observations, each once. Raises NoAnswer."""
    found = {each["name"]: each for one in observation_ids for each in files(one, link)}
    return tuple(found.values())


def files(observation_id: str, link: Link) -> tuple[Mapping[str, Any], ...]:
    """The files of one observation that the archive has. Raises NoAnswer."""
    url = f"{sites.archive_url()}/jsonsummary/canonical/{quote(observation_id)}"
    answer = link.http.read(HttpRequest("GET", url), read_timeout=TIMEOUT_S)
    if answer.status != 200:
        raise NoAnswer(f"the archive answered HTTP {answer.status}", answer.retry_after)
    try:
        listed = answer.json()
    except NotJson as error:
        raise NoAnswer(f"the archive answered {error}") from None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise NoAnswer("the archive's list of files cannot be read")
    return tuple(_product(each) for each in listed if _is_there(each))


def download(order: Order[Any, GeminiAltdata], product: Mapping[str, Any], link: Link) -> HttpRequest:
    """The request for one file, uncompressed, with the archive's login where the file is proprietary.

    Raises NoAnswer, until its release where the allocation has no login.
    """
    request = HttpRequest("GET", str(product["url"]))
    released = _released(product)
    if released is None or released <= order.now:
        return request
    session = _session(order.altdata, link)
    if session is None:
        raise NoAnswer(
            f"proprietary until {released:%Y-%m-%d}, and the allocation has no login of the archive",
            max((released - order.now).total_seconds(), 3600.0),
        )
    return HttpRequest("GET", request.url, {"Cookie": f"{COOKIE}={session}"})


def _is_there(listed: Mapping[str, Any]) -> bool:
    # The list may end in an element that only says that it is cut.
    return isinstance(listed.get("name"), str) and bool(listed["name"]) and listed.get("present") is not False


def _product(listed: Mapping[str, Any]) -> dict[str, Any]:
    name = str(listed["name"]).removesuffix(".bz2")
    plain = not listed.get("compressed")
    size = listed.get("data_size") or (listed.get("file_size") if plain else None)
    md5 = listed.get("data_md5") or (listed.get("file_md5") if plain else None)
    product: dict[str, Any] = {
        "name": file_name(name)[:150],
        "kind": "spectrum" if str(listed.get("mode")).lower() in _SPECTRA else "image",
        "url": f"{sites.archive_url()}/file/{quote(name, safe='')}",
        "content_type": "application/fits",
    }
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        product["size"] = size
    if isinstance(md5, str) and md5:
        product["md5"] = md5
    return product | {key: listed[key] for key in _SHOWN if _is_plain(listed.get(key))}


def _released(product: Mapping[str, Any]) -> datetime | None:
    try:
        return astro.parse_utc(str(product.get("release") or ""))
    except ValueError:
        return None


def _session(altdata: GeminiAltdata, link: Link) -> str | None:
    """The cookie that opens proprietary files; None where the allocation has no login. Raises NoAnswer."""
    if altdata.archive_session is not None:
        return altdata.archive_session.get_secret_value()
    if altdata.archive_username is None or altdata.archive_password is None:
        return None
    if "archive session" not in link.shared:
        content = {
            "username": altdata.archive_username,
            "password": altdata.archive_password.get_secret_value(),
        }
        request = HttpRequest.of_form("POST", f"{sites.archive_url()}/login", content)
        answer = link.http.read(request, read_timeout=TIMEOUT_S)
        # A login that failed is HTTP 200 as well: only the cookie tells.
        cookie = next(filter(None, map(_SESSION.match, answer.set_cookies)), None)
        if cookie is None:
            raise NoAnswer("the archive refused the login of archive_username")
        link.shared["archive session"] = cookie[1]
    session: str = link.shared["archive session"]
    return session


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
