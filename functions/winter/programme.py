"""A programme's limits, read before anything is sent (card: Credential check and the rest)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from slew import astro
from slew.errors import FieldError, Invalid, NoAnswer, Rejected
from slew.facility import Link
from winter import server, targets
from winter.models import WinterAltdata
from winter.targets import WinterOrder

_QUICK_S = 5.0  # the service judges by itself: nobody waits long for the better words
_TOLD = ("progname", "startdate", "enddate", "hours_allocated", "hours_used", "maxpriority", "progtitle")


@dataclass(frozen=True)
class Programme:
    """What is known of a programme; None for what the service does not say. Hours, UTC."""

    max_priority: float | None = None
    start: datetime | None = None
    end: datetime | None = None
    hours_allocated: float | None = None
    hours_used: float | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Programme:
        """From the `body` of the service's answer."""
        return cls(
            _number(facts.get("maxpriority")),
            _moment(facts.get("startdate")),
            _day_end(facts.get("enddate")),
            _number(facts.get("hours_allocated")),
            _number(facts.get("hours_used")),
        )

    def complaints(self, order: WinterOrder) -> list[FieldError]:
        """What the service would refuse, by field."""
        start, end = targets.window(order)
        hours = targets.seconds(targets.body(order)) * order.payload.overhead / 3600
        left = None
        if self.hours_allocated is not None and self.hours_used is not None:
            left = self.hours_allocated - self.hours_used
        priority = order.payload.priority
        found = []
        if self.max_priority is not None and priority > self.max_priority:
            found.append(_error("priority", f"exceeds the programme's largest, {self.max_priority:g}"))
        if self.start is not None and start < self.start:
            found.append(_error("start_date", f"is before the programme's start, {self.start:%F %T}"))
        if self.end is not None and end > self.end:
            found.append(_error("end_date", f"is after the programme's end, {self.end:%F %T}"))
        if left is not None and hours > left + 1e-9:
            text = f"takes {hours:.2f} h with overheads; the programme has {max(left, 0.0):.2f} h left"
            found.append(_error("exposure_time", text))
        return found


def check(order: WinterOrder, link: Link) -> None:
    """Raise Invalid where the programme does not allow the order; nothing where it cannot be read."""
    try:
        facts = read(order.altdata, link, timeout_s=_QUICK_S)
    except (NoAnswer, Rejected):
        return
    errors = Programme.of(facts).complaints(order)
    if errors:
        raise Invalid("; ".join(f"{'.'.join(map(str, each.loc))}: {each.msg}" for each in errors), errors)


def read(altdata: WinterAltdata, link: Link, *, timeout_s: float = 20.0) -> Mapping[str, Any]:
    """The service's record of the programme. Raises NoAnswer or Rejected."""
    wanted = server.request("GET", "/validation/program", altdata)
    facts = server.read(link, wanted, timeout_s=timeout_s).get("body")
    if not isinstance(facts, Mapping):
        raise NoAnswer("the facility's record of the programme cannot be read")
    return facts


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a person who checks the credentials is told of the programme."""
    return {key: facts[key] for key in _TOLD if isinstance(facts.get(key), str | int | float)}


def _error(name: str, text: str) -> FieldError:
    return FieldError(("payload", name), text)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def _moment(value: Any) -> datetime | None:
    try:
        return astro.parse_utc(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _day_end(value: Any) -> datetime | None:
    """A bare date is taken to its end: better the service refuses a borderline case than we by mistake."""
    moment = _moment(value)
    return (
        moment + timedelta(days=1)
        if moment and isinstance(value, str) and len(value.strip()) == 10
        else moment
    )
