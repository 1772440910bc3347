"""What there is to fetch of a job, and the request that fetches it (card: Retrieve).

Each product is fetched by itself, so that one that failed does not spoil the others: its archive, and, where
the service gives them, its parsed results as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from slew.errors import NoAnswer, Rejected
from slew.facility import Link
from slew.wire import HttpRequest
from swift_xrt import server
from swift_xrt.job import COMPLETE, States
from swift_xrt.models import SwiftXrtAltdata

ARCHIVE_FORMAT = "tar.gz"
LIGHT_CURVE = "lc.json"
SERVED_AS = "application/json"
"""What it is: the service itself calls its JSON `text/html`."""

_RESULTS = {
    "lc": ("light_curve", "tprods/getLCData.php"),
    "spec": ("spectrum", "tprods/getSpecData.php"),
    "psf": ("position", "tprods/getPSFPos.php"),
    "enh": ("position", "tprods/getEnhPos.php"),
    "xastrom": ("position", "tprods/getAstromPos.php"),
    "sourceDet": ("table", "tprods/getSourceDetResults.php"),
}
_TITLES = {
    "lc": "light curve",
    "spec": "spectrum",
    "psf": "standard position",
    "enh": "enhanced position",
    "xastrom": "astrometric position",
    "image": "images",
    "sourceDet": "detected sources",
}


def available(states: States, url: str) -> tuple[Mapping[str, Any], ...]:
    """The products of those parts that are complete."""
    found: list[Mapping[str, Any]] = []
    for part in (name for name, state in states.items() if state.code == COMPLETE):
        about = {"part": part, "title": _TITLES.get(part, part)}
        if part in _RESULTS:
            parsed = {"name": f"{part}.json", "kind": _RESULTS[part][0], "content_type": SERVED_AS}
            found.append(parsed | about)
        if url:
            name = f"{part}.{ARCHIVE_FORMAT}"
            kind = "image" if part == "image" else "archive"
            packed = {"name": name, "kind": kind, "url": f"{url}/{name}", "content_type": "application/gzip"}
            found.append(packed | about)
    return tuple(found)


def request(product: Mapping[str, Any], job_id: str, altdata: SwiftXrtAltdata, link: Link) -> HttpRequest:
    """The request for one product.

    Parsed results are asked for once before, because a refusal comes as HTTP 200 and would be taken for
    them. Raises Rejected, NoAnswer.
    """
    part, name = str(product.get("part")), str(product.get("name"))
    if name != f"{part}.json":
        url = where(product.get("url"))
        if not url:
            raise Rejected(f"where {name} is to be had is not known")
        return HttpRequest("GET", url, untrusted=not _is_ours(url))
    if part not in _RESULTS:
        raise Rejected(f"{name} is no product of this facility")
    wanted = results(part, job_id, altdata)
    try:
        server.read(link, wanted, altdata)
    except server.Refused as error:
        raise Rejected(error.reason) from None
    return wanted


def results(part: str, job_id: str, altdata: SwiftXrtAltdata) -> HttpRequest:
    """The call for the parsed results of one part."""
    without = {"nosys": "no", "incbad": "no"} if part == "lc" else {}
    return server.call(_RESULTS[part][1], altdata, {"JobID": job_id, **without})


def where(url: Any) -> str:
    """Where a job's archives are, as the service told it; empty for what is no web address."""
    text = str(url or "").strip().rstrip("/")
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""


def _is_ours(url: str) -> bool:
    return urlsplit(url).netloc.lower() == urlsplit(server.base_url()).netloc.lower()


def fits(job_id: str, altdata: SwiftXrtAltdata, link: Link) -> Mapping[str, Any]:
    """The spectral fits; empty where they are not to be had just now."""
    try:
        return server.read(link, results("spec", job_id, altdata), altdata)
    except (server.Refused, NoAnswer):
        return {}
