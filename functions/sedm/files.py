"""SEDM's web query for a user's files of a night, and the files (card: Data products, pulled files)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from sedm import settings
from sedm.models import SedmAltdata
from slew.errors import NoAnswer, Rejected
from slew.facility import Link
from slew.wire import HttpRequest, NotJson

BAD_LOGIN = "User name and password do not match"
MOST_NIGHTS = 10
_OBSERVED = re.compile(r"(?:ifu|rc)\d{8}_\d\d_\d\d_\d\d_(.+)\.(\w+)$", re.ASCII)
_TIMEOUT_S = 20.0


def nights(first: date, last: date) -> list[date]:
    """UT dates from `first` to `last`, the first ones where they are many."""
    count = min((last - first).days + 1, MOST_NIGHTS)
    return [first + timedelta(days=index) for index in range(max(0, count))]


def of_night(night: date, altdata: SedmAltdata, link: Link) -> list[str]:
    """Paths of the account's files of a night, `/data/<night>/<file>`; read once a tick.

    Raises NoAnswer, Rejected for a wrong password.
    """
    key = f"files {night:%Y%m%d}"
    if key not in link.shared:
        link.shared[key] = _read(night, altdata, link)
    found: list[str] = link.shared[key]
    return found


def products_of(paths: list[str], target: str, altdata: SedmAltdata) -> dict[str, dict[str, Any]]:
    """Those of the target, as products by their names; what lies outside `/data/` is left out."""
    origin = settings.data_origin(altdata).url
    found = {}
    for path in paths:
        name = path.rpartition("/")[2]
        if path.startswith("/data/") and posixpath.normpath(path) == path and shows(name, target):
            found[name] = {"kind": kind(name), "url": f"{origin}{quote(path)}"}
    return found


def shows(name: str, target: str) -> bool:
    """Whether a file's name says that it is of the target: `..._ifu<date>_<time>_<target>[_...].<suffix>`."""
    match = _OBSERVED.search(name)
    if not match:
        return False
    observed, wanted = _plain(match[1]), _plain(target)
    return observed == wanted or observed.startswith(f"{wanted}_")


def kind(name: str) -> str:
    """What a file is, by its name."""
    suffix = name.rpartition(".")[2].lower()
    if name.startswith("spec") and suffix in ("txt", "fits", "ascii"):
        return "spectrum"
    return "image" if suffix in ("fits", "png", "jpg", "pdf") else "log"


def download(product: Mapping[str, Any], altdata: SedmAltdata) -> HttpRequest:
    """The file's request; it needs no login. Raises Rejected where it is not one of SEDM's data host."""
    origin = settings.data_origin(altdata)
    url = str(product.get("url") or "")
    if not url.startswith(f"{origin.url}/data/"):
        raise Rejected("the file came with a message, or is not at SEDM's data pages")
    return HttpRequest("GET", url, untrusted=origin.untrusted)


def _read(night: date, altdata: SedmAltdata, link: Link) -> list[str]:
    origin = settings.data_origin(altdata)
    password = altdata.password.get_secret_value() if altdata.password else ""
    query = urlencode(
        {"username": altdata.username or "", "password": password, "obsdate": f"{night:%Y%m%d}"}
    )
    request = HttpRequest("GET", f"{origin.url}/get_user_observations?{query}", untrusted=origin.untrusted)
    answer = link.http.read(request, read_timeout=_TIMEOUT_S)
    try:
        content = answer.json()
    except NotJson as error:
        raise NoAnswer(f"SEDM's data pages: {error}") from None
    if answer.status != 200 or not isinstance(content, dict):
        raise NoAnswer(f"SEDM's data pages: HTTP {answer.status}")
    listed = content.get("data")
    if isinstance(listed, list):
        return [path for path in listed if isinstance(path, str)]
    said = str(content.get("message") or "")[:200]
    if said == BAD_LOGIN:
        raise Rejected(said)
    if said:
        return []  # no data of that night (yet), which it says in several ways
    raise NoAnswer("SEDM's data pages gave neither files nor a message")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "", name.lower())
