"""The plan's JSON, the same for every receiver (card mma.md, "The plan's JSON")."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mma.models import MmaAltdata
from mma.payload import MmaPayload
from mma.pointings import PlannedObservation
from slew import astro, clock
from slew.errors import FieldError, Invalid
from slew.facility import Link, Order

MmaOrder = Order[MmaPayload, MmaAltdata]

DRAFT = "draft"
"""Key of the facility data under which what this library chose for the caller is kept between attempts."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9_+:-][A-Za-z0-9._+:-]*")
_SHOWN = 20


@dataclass(frozen=True)
class Plan:
    """A plan as it leaves. `start`, `end`: its validity, UTC; `targets` as the receiver takes them."""

    queue_name: str
    start: datetime
    end: datetime
    user: str
    targets: tuple[dict[str, Any], ...]

    def content(self) -> dict[str, Any]:
        """The five keys of the wire form."""
        return {
            "targets": self.targets,
            "queue_name": self.queue_name,
            "validity_window_mjd": [astro.to_mjd(self.start), astro.to_mjd(self.end)],
            "queue_type": "list",
            "user": self.user,
        }

    def file(self) -> bytes:
        """The file's form: keys sorted, four blanks of indent, no final newline, ASCII."""
        return json.dumps(self.content(), indent=4, sort_keys=True, allow_nan=False).encode()

    @property
    def file_name(self) -> str:
        """The file's name in the receiver's directory."""
        return f"{self.queue_name}.json"

    def summary(self) -> dict[str, str]:
        """What people want to know of it at a glance."""
        counts = Counter(target["filter"] for target in self.targets)
        total_s = sum(target["exposure_time"] for target in self.targets)
        return {
            "Queue": self.queue_name,
            "Window": f"{self.start:%Y-%m-%d %H:%M:%S} to {self.end:%Y-%m-%d %H:%M:%S} UTC",
            "Pointings": str(len(self.targets)),
            "Pointings per filter": ", ".join(f"{name}: {count}" for name, count in counts.items()),
            "Total exposure": f"{total_s} s ({total_s / 3600:.2f} h)",
        }

    def draft(self) -> dict[str, Any]:
        """What was chosen where the payload leaves it open: another attempt must send the same plan."""
        return {
            "queue_name": self.queue_name.removeprefix("ToO_"),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
        }


def build(order: MmaOrder, link: Link) -> Plan:
    """The plan of an order. Raises Invalid, naming the field."""
    payload = order.payload
    user = order.requester.username
    if not user:
        raise Invalid.field(["requester", "username"], "is needed: the receiver is told whose plan it is")
    start, end = validity(order)
    if end <= start:
        raise Invalid.field(["payload", "end_date"], "must be after start_date")
    _check_filters(payload, order.altdata)
    return Plan(f"ToO_{_name(order)}", start, end, user, _targets(order, link, user))


def validity(order: MmaOrder) -> tuple[datetime, datetime]:
    """Begin and end of the plan's validity, UTC."""
    kept = _draft(order)
    start, end = order.payload.window(order.created_at)
    if "start" in kept and not order.payload.start_date:
        start = datetime.fromisoformat(kept["start"])
    if "end" in kept and not order.payload.end_date:
        end = datetime.fromisoformat(kept["end"])
    return start, end


def check_open(plan: Plan, now: datetime) -> None:
    """Raise Invalid where the plan's window has ended."""
    if plan.end <= now:
        raise Invalid.field(["payload", "end_date"], f"must not be past (it is {clock.isoformat(now)})")


def check_file_name(plan: Plan) -> None:
    """Raise Invalid where the name would not be safe as that of a file."""
    if not _SAFE_NAME.fullmatch(plan.queue_name.removeprefix("ToO_")):
        raise Invalid.field(
            ["payload", "queue_name"],
            "must be of A-Z a-z 0-9 . _ + : - and not begin with a dot: it names a file",
        )


def _draft(order: MmaOrder) -> Mapping[str, Any]:
    return order.facility_data.get(DRAFT) or {}


def _name(order: MmaOrder) -> str:
    given, known = order.payload.queue_name, _draft(order).get("queue_name")
    if order.facility_request_id and known and given not in (None, known):
        raise Invalid.field(["payload", "queue_name"], f"cannot change: the receiver has the plan as {known}")
    if given or known:
        return str(given or known)
    # The clock's milliseconds, and three digits of the request's own: two plans of one moment stay two.
    own = int.from_bytes(hashlib.sha256(order.request_id.encode()).digest()[:4]) % 1000
    moment = order.created_at.astimezone(UTC)
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000 + own)
    return f"ToO_{moment:%Y-%m-%dT%H:%M:%S.%f}"


def _check_filters(payload: MmaPayload, altdata: MmaAltdata) -> None:
    if altdata.filters is None:
        return
    known = set(altdata.filters)
    named = {name.strip() for name in (payload.filters or "").split(",")} - {""}
    used = {each.filter for each in payload.targets or ()}
    used |= {each.filt for each in payload.planned_observations or ()}
    refusal = f"Filters in payload must be a subset of instrument filters: {list(altdata.filters)}"
    places = [
        ("filters", named),
        ("planned_observations" if payload.planned_observations else "targets", used),
    ]
    errors = [
        FieldError(("payload", place), f"{refusal}; {', '.join(sorted(names - known))} is not there")
        for place, names in places
        if names - known
    ]
    if errors:
        raise Invalid("; ".join(error.msg for error in errors), errors)


def _targets(order: MmaOrder, link: Link, user: str) -> tuple[dict[str, Any], ...]:
    payload = order.payload
    rows = [
        (each.field_id, each.ra, each.dec, each.filter, each.exposure_time) for each in payload.targets or ()
    ] or _planned(order, link)
    return tuple(
        {
            "request_id": number,
            "field_id": field_id,
            "ra": float(ra),
            "dec": float(dec),
            "filter": bandpass,
            "exposure_time": exposure_s,
            "program_pi": user,
        }
        for number, (field_id, ra, dec, bandpass, exposure_s) in enumerate(rows, 1)
    )


def _planned(order: MmaOrder, link: Link) -> list[tuple[int, float, float, str, int]]:
    planned = order.payload.planned_observations or ()
    centres = _centres(order, link, {each.field_id for each in planned if each.field is None})
    return [(each.field_id, *_centre(each, centres), each.filt, each.exposure_time) for each in planned]


def _centre(
    observation: PlannedObservation, centres: Mapping[int, tuple[float, float]]
) -> tuple[float, float]:
    if observation.field is None:
        return centres[observation.field_id]
    return observation.field.ra, observation.field.dec


def _centres(order: MmaOrder, link: Link, wanted: set[int]) -> dict[int, tuple[float, float]]:
    """Centres of fields by number: of the payload, else of the deployment's grid. Raises Invalid."""
    found = {each.field_id: (each.ra, each.dec) for each in order.payload.fields or ()}
    missing = sorted(wanted - set(found))
    if not missing:
        return found
    instrument = order.altdata.instrument_name or "mma"
    grid = link.field_grid(instrument) or {}
    unknown = [number for number in missing if number not in grid]
    if unknown:
        named = ", ".join(map(str, unknown[:_SHOWN])) + (
            f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        )
        raise Invalid.field(
            ["payload", "planned_observations"],
            f"the centres of these fields are not known: {named}; give them as `field` of the observations "
            f"or in `fields` (this deployment has no grid with them: SLEW_FIELD_GRID_{instrument.upper()})",
        )
    return {**found, **{number: grid[number] for number in missing}}
