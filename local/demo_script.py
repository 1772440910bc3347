"""What the demonstration asks for: whose allocations, which targets, which observing parameters.

The credentials are those that the simulators know.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.simulators.atlas.accounts import DEMO_TOKEN as ATLAS_TOKEN
from local.simulators.endpoint import DEMO_TOKEN as ENDPOINT_TOKEN
from local.simulators.observation_portal import sky
from local.simulators.observation_portal.accounts import DEMO_TOKEN as LCO_TOKEN
from local.simulators.slack import SEEDED_HOOKS

JSON = dict[str, Any]

SN_2023IXF: JSON = {"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651}
NIGHT_MAIL, GROUP_MAIL = "night@example.org", "supernovae@example.org"
HOOK_KEYS = ("slack_workspace", "slack_channel", "slack_token")
GENERIC_HOOK, SLACK_HOOK, NOTICES_HOOK = SEEDED_HOOKS
REQUESTER = {"username": "observer1", "name": "First Observer", "email": "observer1@example.org"}
MOON_FREE_DEG = 45.0


@dataclass(frozen=True)
class Trigger:
    """How a request shows at the facility: a POST to `path` of a simulator, or mail to `path`."""

    at: str
    path: str
    holds_id: bool = True


@dataclass(frozen=True)
class Plan:
    """An allocation, and the request that is made with it; `then` is its status some minutes later."""

    label: str
    facility: str
    allocation: JSON
    target: JSON
    payload: JSON
    comment: str
    trigger: Trigger
    verifies: bool = False
    judges: bool = False
    gives_id: bool = False
    then: str = "submitted"

    @property
    def path(self) -> str:
        """The facility's part of the API."""
        return f"/facilities/{self.facility}"

    @property
    def key(self) -> str:
        """The idempotency key."""
        return f"demo-{self.allocation['id']}-1"

    @property
    def body(self) -> JSON:
        """The body of the submission."""
        return {
            "allocation_id": self.allocation["id"],
            "target": self.target,
            "payload": self.payload,
            "comment": self.comment,
            "requester": REQUESTER,
        }


def plans(now: datetime, endpoint: str) -> tuple[Plan, ...]:
    """One plan a facility, and one for each transport of the generic one; `endpoint` is the latter's URL."""
    return (
        _lco(now),
        _atlas(),
        _generic(
            now,
            "API",
            {"endpoint": endpoint, "api_token": ENDPOINT_TOKEN, "remote_allocation_id": 7},
            Trigger("generic", "/api/requests", holds_id=False),
        ),
        _generic(now, "slack", _hook(GENERIC_HOOK), Trigger("slack", _hook_path(GENERIC_HOOK))),
        _generic(now, "email", {"email": NIGHT_MAIL}, Trigger("email", NIGHT_MAIL)),
        _slack(),
    )


def secrets(value: Any) -> Iterator[str]:
    """Every credential in bodies of allocations: what may be seen nowhere else."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.lower().endswith("token") or key in HOOK_KEYS:
                yield str(inner)
            else:
                yield from secrets(inner)


def up_tonight(now: datetime) -> JSON:
    """A target opposite the Sun, or a little aside where the Moon is there; up for hours at any site."""
    at = now.timestamp()
    declination = math.radians(-10)
    opposite = sky.sun(at)[0].ra + math.pi
    moon = sky.moon(at)[0]
    if math.degrees(moon.separation(sky.Direction(opposite, declination))) < MOON_FREE_DEG:
        eastward = math.sin(moon.ra - opposite) > 0
        opposite += math.radians(-50 if eastward else 50)
    return {"name": "AT tonight", "ra": round(math.degrees(opposite) % 360, 5), "dec": -10.0}


def night(now: datetime) -> tuple[str, str]:
    """Begin and end, ISO, of the next 24 hours within one of LCO's semesters, two hours or more ahead."""
    # Two hours, so that no telescope has begun when the demonstration cancels, a quarter of an hour on.
    start = now + timedelta(hours=2)
    for month in (2, 8):
        change = datetime(start.year, month, 1, tzinfo=UTC)
        if start < change <= start + timedelta(days=1):
            start = change
    first, last = (f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (start, start + timedelta(days=1)))
    return first, last


def _allocation(name: str, altdata: JSON, **more: Any) -> JSON:
    return {"id": name, "pi": "PI of the proposal", "group": "supernovae", "altdata": altdata, **more}


def _lco(now: datetime) -> Plan:
    start, end = night(now)
    return Plan(
        label="lco",
        facility="lco",
        allocation=_allocation(
            "lco-2026b",
            {"PROPOSAL_ID": "LCO2026B-001", "API_TOKEN": LCO_TOKEN},
            instrument="sinistro",
            proposal_id="LCO2026B-001",
            notify={"notification_type": "slack", **_hook(NOTICES_HOOK), "include_comments": True},
        ),
        target=up_tonight(now),
        payload={
            "observation_choices": ["gp", "rp", "ip"],
            "exposure_time": 120,
            "exposure_counts": 1,
            "maximum_airmass": 2.0,
            "minimum_lunar_distance": 30,
            "start_date": start,
            "end_date": end,
        },
        comment="Rising: colours tonight, please, before the spectrum",
        trigger=Trigger("lco", "/api/requestgroups/"),
        verifies=True,
        judges=True,
        gives_id=True,
        then="in_progress",
    )


def _atlas() -> Plan:
    return Plan(
        label="atlas_forced_photometry",
        facility="atlas_forced_photometry",
        allocation=_allocation(
            "atlas-group",
            {"api_token": ATLAS_TOKEN},
            notify={"notification_type": "email", "email": GROUP_MAIL, "include_comments": True},
        ),
        target=SN_2023IXF,
        # Discovered on 2023-05-19: a day before it to the plateau.
        payload={"start_date": "2023-05-18 00:00:00", "end_date": "2023-06-20 12:00:00"},
        comment="The rise, for the light curve's first month",
        trigger=Trigger("atlas_forced_photometry", "/forcedphot/queue/"),
        verifies=True,
        gives_id=True,
        then="complete",
    )


def _generic(now: datetime, transport: str, altdata: JSON, trigger: Trigger) -> Plan:
    return Plan(
        label=f"generic ({transport})",
        facility="generic",
        allocation=_allocation(f"generic-{transport.lower()}", {"notification_type": transport, **altdata}),
        target=SN_2023IXF,
        payload={
            "observation_choices": ["sdssg", "sdssr"],
            "exposure_time": 300,
            "exposure_counts": 2,
            "maximum_airmass": 2,
            "minimum_lunar_distance": 30,
            "priority": 5,
            "start_date": f"{now:%Y-%m-%d}",
            "end_date": f"{now + timedelta(days=7):%Y-%m-%d}",
        },
        comment="Late-time photometry",
        trigger=trigger,
        gives_id=transport == "API",
    )


def _slack() -> Plan:
    return Plan(
        label="slack",
        facility="slack",
        allocation=_allocation("slack-dome", _hook(SLACK_HOOK)),
        target=SN_2023IXF,
        payload={"observation_choices": ["sdssr"], "exposure_time": 600, "exposure_counts": 3},
        comment="Late-time photometry",
        trigger=Trigger("slack", _hook_path(SLACK_HOOK)),
    )


def _hook(parts: tuple[str, str, str]) -> JSON:
    return dict(zip(HOOK_KEYS, parts, strict=True))


def _hook_path(parts: tuple[str, str, str]) -> str:
    return f"/services/{'/'.join(parts)}"
