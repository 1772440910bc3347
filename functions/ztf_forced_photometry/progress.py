"""What a row of the job table means for a request, and what there is to fetch (card: Status)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slew.facility import Progress
from slew.status import Status
from ztf_forced_photometry import codes, service
from ztf_forced_photometry.job import JobRow

WAITING = (
    "waiting for IPAC's hourly update: No matching response from forced photometry service. "
    "Waiting for database update."
)
RUNNING = "In progress: Light curve not yet available. Waiting for it to complete."
ATTENTION = (
    "needs attention: no job of this account has appeared after 3 hourly updates of IPAC's job table; "
    "ipac_email (upper and lower case count) or ipac_userpass may be wrong"
)
GIVEN_UP = "not complete 30 days after submission, when IPAC's job table forgets it"
NO_EPOCHS = "no epochs at this position in this range"

_NONE = "No photometry available: "
_SUFFIX = "_lc.txt"
_FAILURES = (codes.CATASTROPHE, codes.DATABASE_ERROR)


def of_row(row: JobRow, next_poll_s: float) -> Progress:
    """How a job goes. The exit code is looked at first: a failed job has no file to wait for."""
    code = row.exitcode
    if code is None:
        if not row.lightcurve:
            return Progress(Status.IN_PROGRESS, RUNNING, next_poll_s=next_poll_s)
        code = 0  # a file is there before the code is
    if code == codes.NO_EPOCHS:
        return _complete(row, f"{_NONE}{codes.text(code)}; {NO_EPOCHS}, zero points")
    if code == codes.END_TOO_EARLY:
        return _ended(Status.REJECTED, "end date before survey start", f"{_NONE}{codes.text(code)}")
    if code in _FAILURES:
        reason = f"{codes.text(code)} (exit code {code}); worth submitting again"
        return _ended(Status.FAILED, reason, f"{_NONE}{codes.text(code)}")
    if code == codes.OFF_IMAGE:
        return _complete(row, f"{_NONE}{codes.text(code)}; zero usable points")
    if row.lightcurve:
        warning = "" if code == 0 else f" ({codes.text(code)})"
        return _complete(row, f"light curve ready{warning}")
    if code in codes.TEXTS:  # ended well, its file is not listed yet
        return Progress(Status.IN_PROGRESS, RUNNING, next_poll_s=next_poll_s)
    return _ended(Status.FAILED, codes.text(code))


def products(path: str) -> tuple[Mapping[str, Any], ...]:
    """The light curve and the log beside it. Raises ValueError for a path that is none."""
    found = [("photometry", path)]
    if path.endswith(_SUFFIX):
        found.append(("log", f"{path.removesuffix(_SUFFIX)}_log.txt"))
    return tuple(
        {
            "name": each.rpartition("/")[2],
            "kind": kind,
            "url": service.file_url(each),
            "content_type": "text/plain",
            "path": each,
        }
        for kind, each in found
    )


def _complete(row: JobRow, text: str) -> Progress:
    done = Progress(Status.COMPLETE, text, next_poll_s=None)
    if not row.lightcurve:
        return done
    try:
        return replace(done, products=products(row.lightcurve))
    except ValueError as error:
        return _ended(Status.FAILED, f"the light curve's path {error}")


def _ended(status: Status, reason: str, text: str = "") -> Progress:
    return Progress(status, text or reason, reason, next_poll_s=None)
