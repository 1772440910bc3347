"""What SEDM books, and how it reads the JSON that books it (card: one form; Simulator 2 to 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from local.simulators.base import JSON

ORDER_OF_USE = (
    "sourcename",
    "ra",
    "dec",
    "prior_photometry",
    "priority",
    "programname",
    "startdate",
    "enddate",
    "Followup",
    "Filters",
    "exptime",
    "requestid",
    "maxairmass",
    "max_fwhm",
)
GENERAL_PROGRAMME = "general"
PROGRAMMES = frozenset(
    {
        "Asteroids",
        "Infant Supernovae",
        "Nuclear Transients",
        "Sollerman Research Group",
        "SEDM Team",
        "Type Ia Supernovae",
        "Neutrino follow-up",
        "Lensed SNe",
        "Cataclysmic Variables",
        "Redshift Completeness Factor",
        "Red Transients",
        "Census of the Local Universe Caltech",
        "Palomar Gattini-IR",
        "AMCVn ",
        "cyclotron WDs",
        "EM+GW",
        "WINTER Comissioning",
    }
)


@dataclass
class Booking:
    """One entry of SEDM's table. `sequence`: `1ifu`, `1r`...; `exposures_s` go with it."""

    requestid: int
    source: str
    username: str
    programme: str
    priority: float
    first: date
    last: date
    sequence: list[str]
    exposures_s: list[float]
    sent: JSON
    at: float
    state: str = "PENDING"
    active_at: float | None = None
    quality: int = 0
    spectrum_id: int | None = None
    said: list[str] = field(default_factory=list)

    @property
    def ifu(self) -> bool:
        """Whether a spectrum is part of it."""
        return "1ifu" in self.sequence

    def shown(self) -> JSON:
        """For `GET /_bookings`."""
        keys = ("requestid", "source", "username", "programme", "priority", "sequence", "exposures_s")
        dates = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        rest = {"state": self.state, "said": self.said, "spectrum_id": self.spectrum_id}
        return {**{key: getattr(self, key) for key in keys}, **dates, **rest, "sent": self.sent}


class Book:
    """All bookings, several under one number allowed."""

    def __init__(self) -> None:
        self.entries: list[Booking] = []

    def act(self, sent: Any, now: float) -> str:
        """Book, edit or delete; returns the title. What goes wrong in it is an exception's text."""
        try:
            return self._act(sent, now)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return str(error)

    def of_number(self, number: int) -> list[Booking]:
        """Every booking with that number."""
        return [each for each in self.entries if each.requestid == number]

    def _act(self, sent: Any, now: float) -> str:
        status = sent["status"].lower()
        if status == "delete":
            return "Accepted Deletion" if self._cancel(sent) else "Rejected Deletion, ACTIVE"
        if status == "edit":
            if not self._cancel(sent):
                return "Rejected Edit Deletion, ACTIVE"
            self._book(sent, now)
            return "Accepted Edit"
        self._book(sent, now)
        return "Accepted Request"

    def _cancel(self, sent: JSON) -> bool:
        idle = [each for each in self.of_number(int(sent["requestid"])) if each.state != "ACTIVE"]
        for each in idle:
            each.state = "CANCELED"
        return bool(idle)

    def _book(self, sent: JSON, now: float) -> None:
        values = {key: sent[key] for key in ORDER_OF_USE}
        exposure, number = float(values["exptime"]), int(values["requestid"])
        for key in ("ra", "dec", "priority", "maxairmass", "max_fwhm"):
            float(values[key])
        sequence = sequence_of(values["Followup"], values["Filters"])
        try:
            first, last = (date.fromisoformat(values[key]) for key in ("startdate", "enddate"))
        except (ValueError, TypeError):
            return  # the insertion fails, which nobody is told of
        self.entries.append(
            Booking(
                number,
                values["sourcename"],
                sent.get("username", ""),
                values["programname"] if values["programname"] in PROGRAMMES else GENERAL_PROGRAMME,
                float(values["priority"]),
                first,
                last,
                sequence,
                exposures_of(sequence, exposure, values["prior_photometry"]),
                sent,
                now,
            )
        )


def sequence_of(followup: str, filters: str) -> list[str]:
    """`1ifu` first, then the filters in the given order."""
    wanted = ["1ifu"] if followup == "IFU" else []
    return wanted + [f"1{each}" for each in filters.split(",") if each in ("u", "g", "r", "i")]


def exposures_of(sequence: list[str], exposure_s: float, photometry: dict[str, JSON]) -> list[float]:
    """The one exposure time for everything, else by the magnitude of the last band that is named."""
    if exposure_s > 0:
        return [exposure_s] * len(sequence)
    mag = 17.0
    for band in photometry:
        mag = float(photometry[band]["mag"])
    row = (2250.0, 180.0, 300.0) if mag > 18 else (1800.0, 90.0, 270.0)
    if mag < 15:
        row = (2000.0, 120.0, 300.0)
    by_name = {"1ifu": row[0], "1u": row[2]}
    return [by_name.get(each, row[1]) for each in sequence]
