"""A task of the ATLAS server: what is asked for, and what its state means (card: Submit, Status)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from atlas_forced_photometry.models import AtlasPayload
from slew import astro
from slew.models import Target
from slew.status import Status

NO_DATA = "No data returned"
_PRODUCTS = (
    ("photometry", "result_url", "text/plain", ".txt"),
    ("image", "pdfplot_url", "application/pdf", "_plot.pdf"),
    ("image", "previewimage_url", "image/jpeg", ".jpg"),
)


def parameters(target: Target, payload: AtlasPayload, comment: str) -> dict[str, Any]:
    """All fields of a task that we decide, by their wire names; None where the server is to have no value."""
    named = payload.mpc_name is not None
    epoch = payload.radec_epoch_year
    return {
        "ra": None if named else target.ra,
        "dec": None if named else target.dec,
        "mpc_name": payload.mpc_name,
        "mjd_min": payload.mjd_min,
        "mjd_max": payload.mjd_max,
        "radec_epoch_year": None if epoch is None else float(epoch),
        "propermotion_ra": payload.propermotion_ra,
        "propermotion_dec": payload.propermotion_dec,
        "use_reduced": payload.use_reduced,
        "comment": comment,
    }


@dataclass(frozen=True)
class Task:
    """A task as the server showed it. Times are the server's own texts."""

    number: int
    timestamp: str
    started: str | None
    finished: bool
    shown: Mapping[str, Any]

    @classmethod
    def read(cls, content: Any) -> Task:
        """From the server's JSON. Raises ValueError for anything that is not a task."""
        number = content.get("id") if isinstance(content, dict) else None
        if not isinstance(number, int) or isinstance(number, bool):
            raise ValueError("the answer is not a task")
        # The end is told by these two alone: a task without data ends with no result_url (card: Pitfalls).
        finished = bool(content.get("finished") or content.get("finishtimestamp"))
        started = content.get("starttimestamp")
        return cls(
            number, str(content.get("timestamp") or ""), str(started) if started else None, finished, content
        )

    @property
    def status(self) -> tuple[Status, str, str]:
        """Our status, the text for it (SkyPortal's where it has one), and the reason of a failure."""
        if not self.finished and self.started:
            return Status.IN_PROGRESS, f"Job is running (started at {self.started})", ""
        if not self.finished:
            ahead = self.shown.get("queuepos")
            position = f"; position in the queue {ahead}" if isinstance(ahead, int) else ""
            return Status.SUBMITTED, f"Waiting for job to start (queued at {self.timestamp}{position})", ""
        error = str(self.shown.get("error_msg") or "")
        if result := self.shown.get("result_url"):
            return Status.COMPLETE, f"Task is complete with results available at {result}", ""
        if error == NO_DATA:
            return Status.COMPLETE, f"{NO_DATA}: no exposure in the range, zero points", ""
        return Status.FAILED, error, error or "the task ended without a result and without a reason"

    @property
    def products(self) -> tuple[Mapping[str, Any], ...]:
        """What there is to fetch, under the server's name for the task; all of it is public."""
        found = (
            (f"job{self.number:05d}{end}", kind, self.shown.get(key), content_type)
            for kind, key, content_type, end in _PRODUCTS
        )
        return tuple(
            {"name": name, "kind": kind, "url": url, "content_type": content_type}
            for name, kind, url, content_type in found
            if isinstance(url, str) and url.startswith(("https://", "http://"))
        )

    def is_for(self, request_id: str) -> bool:
        """Whether our request made it: its comment begins with our id. An image task copies its parent's."""
        first, _, _ = str(self.shown.get("comment") or "").partition(" ")
        return first == request_id and not self.shown.get("parent_task_id")

    def made_before(self, moment: datetime) -> bool:
        """Whether the server had it before a moment; False where its time cannot be read."""
        try:
            return astro.parse_utc(self.timestamp) < moment
        except ValueError:
            return False

    def changes(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The wanted fields that differ from the task's."""
        return {name: value for name, value in wanted.items() if not _same(self.shown.get(name), value)}


def _same(shown: Any, wanted: Any) -> bool:
    # Decimals come back as text ("2015.5"), and MJDs may have lost their last digits (1e-9 d is 0.1 ms).
    if isinstance(wanted, float) and isinstance(shown, int | float | str):
        try:
            return abs(float(shown) - wanted) <= 1e-9
        except ValueError:
            return False
    return bool(shown == wanted)
