"""Finding a job whose submission was not answered, in the list of the user's jobs (card: Submit)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from slew import astro
from slew.errors import NoAnswer
from slew.facility import Link
from swift_xrt import server
from swift_xrt.models import SwiftXrtAltdata

CLOCKS_APART = timedelta(minutes=2)
_MOST_CANDIDATES = 10
_LOOK_UPS = frozenset({"getTargs", "getCoords", "getT0"})
_COLUMNS = {
    "LightCurve": {"lc"},
    "Spectrum": {"spec"},
    "StandardPos": {"psf", "xastrom"},
    "EnhancedPos": {"enh"},
    "AstromPos": {"xastrom"},
    "Image": {"image"},
}
"""Column of the list by the products that set it: an astrometric position switches the standard one on."""


def candidates(
    link: Link, altdata: SwiftXrtAltdata, name: str, products: Iterable[str], since: datetime
) -> list[str]:
    """Ids of the jobs of that name and those products submitted since then. Raises Refused, NoAnswer."""
    content = server.read(link, server.call("listOldJobs.php", altdata, {}), altdata)
    listed = content.get("jobs")
    if not isinstance(listed, list):
        raise NoAnswer("the facility's list of jobs is unreadable")
    return [
        str(job["JobID"])
        for job in _recent(listed, since - CLOCKS_APART)
        if _is_alike(job, name, set(products))
    ]


def settled(
    link: Link, altdata: SwiftXrtAltdata, ids: list[str], body: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]] | None:
    """The one job that was made from a body, with what the service kept of it; None if that is not clear.

    Raises Refused, NoAnswer.
    """
    known = {key: value for key, value in body.items() if key not in _LOOK_UPS}  # done, they may be off
    matching = []
    for job_id in ids[:_MOST_CANDIDATES]:
        number = server.number(job_id)
        request = server.call("getOldProduct.php", altdata, {"oldJob": job_id if number is None else number})
        content = server.read(link, request, altdata)
        kept = content.get("jobPars")
        if isinstance(kept, Mapping) and all(_agree(known[key], kept[key]) for key in known if key in kept):
            matching.append((job_id, content))
    return matching[0] if len(matching) == 1 and len(ids) <= _MOST_CANDIDATES else None


def _recent(listed: list[Any], since: datetime) -> Iterator[Mapping[str, Any]]:
    for job in listed:
        try:
            submitted = astro.parse_utc(str(job["DateSubmitted"]))
            recent = submitted >= since and bool(str(job["JobID"]))
        except (LookupError, TypeError, ValueError):
            raise NoAnswer("the facility's list of jobs is unreadable") from None
        if recent:
            yield job


def _is_alike(job: Mapping[str, Any], name: str, products: set[str]) -> bool:
    if " ".join(str(job.get("Name") or "").split()) != " ".join(name.split()):
        return False
    return all(
        bool(job.get(column)) == bool(products & wanted)
        for column, wanted in _COLUMNS.items()
        if column in job
    )


def _agree(sent: Any, kept: Any) -> bool:
    """Whether two values mean the same: the service gives numbers as text, and text in its own form."""
    if isinstance(sent, int | float):
        try:
            return abs(float(kept) - sent) <= 1e-6 * max(1.0, abs(sent))
        except (TypeError, ValueError):
            return False
    if isinstance(sent, str) and isinstance(kept, str):
        return "".join(sent.split()).strip("{}") == "".join(kept.split()).strip("{}")
    return bool(sent == kept) if isinstance(kept, type(sent)) else True
