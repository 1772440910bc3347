"""Whether a requestgroup is acceptable, and if not, the portal's own error body.

Layers: the faults of the fields of an object hide those of the object; those of the configurations and
windows hide visibility; those of the requests hide the proposal, time and IPP (the card's "Failure: 400").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.simulators.observation_portal import durations, sites, visibility
from local.simulators.observation_portal.accounts import ALLOCATED, Accounts, Allocation, User
from local.simulators.observation_portal.configurations import NAME, configuration
from local.simulators.observation_portal.fields import (
    Field,
    Invalid,
    choice,
    integer,
    items,
    mapping,
    moment,
    number,
    read,
    refuse,
    text,
)
from local.simulators.observation_portal.instruments import instrument_of
from local.simulators.observation_portal.tables import Instrument

JSON = dict[str, Any]
OVERRUN = 1.1  # a request may be this much longer than the time left
NOT_VISIBLE = (
    "According to the constraints of the request, the target will not be visible within the time window. "
    "Check that the target is in the nighttime sky. Consider modifying the time window or loosening the "
    "airmass or lunar separation constraints. If the target is non sidereal, double check that the provided "
    "elements are correct."
)
TOO_BRIEF = (
    "According to the constraints of the request, the target will only be visible for a maximum of "
    "{longest:.2f} hours within the time window. This is less than the duration of your request "
    "{duration:.2f} hours. Consider expanding the time window or loosening the airmass or lunar separation "
    "constraints."
)


@dataclass
class Validator:
    """The judge of one body: who posts it, when, and what the portal knows at that time."""

    accounts: Accounts
    user: User
    now: datetime
    instruments: dict[str, Instrument]
    closed_sites: frozenset[str] = frozenset()

    def group(self, body: Any, *, with_ipp: bool = True) -> JSON:
        """The cleaned group, each request with its `duration` and `largest_interval`; raises `Invalid`."""
        if body is None:
            raise refuse("No data provided")
        cleaned = read(
            body,
            {
                "requests": Field(items(self._request, "You must specify at least 1 request"), required=True),
                "name": Field(NAME, required=True),
                "observation_type": Field(choice((*ALLOCATED, "DIRECT", "REAL_TIME")), required=True),
                "operator": Field(choice(("SINGLE", "MANY")), required=True),
                "ipp_value": Field(number(0.0), required=with_ipp, default=1.0),
                "proposal": Field(self._proposal, required=True, null=True),
            },
        )
        if not with_ipp:
            cleaned["ipp_value"] = 1.0
        self._group_rules(cleaned)
        return cleaned

    # -- one request

    def _request(self, body: Any) -> JSON:
        cleaned = read(
            body,
            {
                "location": Field(self._location, required=True),
                "configurations": Field(
                    items(
                        lambda value: configuration(value, self.instruments),
                        "You must specify at least 1 configuration",
                    ),
                    required=True,
                ),
                "windows": Field(items(self._window, "You must specify at least 1 window"), required=True),
                "observation_note": Field(text(255, None), default=""),
                "optimization_type": Field(choice(("TIME", "AIRMASS")), default="TIME"),
                "suspend_until": Field(moment, null=True, default=None),
                "acceptability_threshold": Field(number(0.0, 100.0)),
                "configuration_repeats": Field(integer(1), default=1),
                "extra_params": Field(mapping, default=dict),
            },
        )
        for position, member in enumerate(cleaned["configurations"], start=1):
            member["priority"] = position
        thresholds = [instrument_of(member).default_threshold for member in cleaned["configurations"]]
        cleaned.setdefault("acceptability_threshold", max(thresholds))
        self._placeable(cleaned)
        return cleaned

    def _location(self, body: Any) -> JSON:
        known = sites.TELESCOPES if self.instruments else ()
        keys = {
            "site": "site",
            "enclosure": "enclosure",
            "telescope": "code",
            "telescope_class": "telescope_class",
        }
        cleaned = read(
            body,
            {
                key: Field(choice(getattr(t, attribute) for t in known), required=key == "telescope_class")
                for key, attribute in keys.items()
            },
        )
        if "enclosure" in cleaned and "site" not in cleaned:
            raise refuse("Must specify a site with an enclosure.")
        if "telescope" in cleaned and "enclosure" not in cleaned:
            raise refuse("Must specify an enclosure with a telescope.")
        for key in ("enclosure", "telescope"):
            self._stands_there(cleaned, key, keys[key])
        return cleaned

    def _stands_there(self, location: JSON, key: str, attribute: str) -> None:
        levels: tuple[str, ...] = ("site", "enclosure")
        above = {name: location[name] for name in levels if name in location and name != key}
        there = list(dict.fromkeys(getattr(t, attribute) for t in sites.at_location(above)))
        if key in location and location[key] not in there:
            raise refuse(f"{key.title()} {location[key]} not valid. Valid choices: {', '.join(there)}")

    def _window(self, body: Any) -> JSON:
        cleaned = read(
            body,
            {"start": Field(moment, default=lambda: self.now), "end": Field(self._future, required=True)},
        )
        start, end = cleaned["start"], cleaned["end"]
        if end <= start:
            raise refuse(f"Window end '{end}' cannot be earlier than window start '{start}'")
        if self.accounts.semester_of(start, end, self.now) is None:
            raise refuse("The observation window does not fit within any defined semester.")
        return cleaned

    def _future(self, value: Any) -> datetime:
        end: datetime = moment(value)
        if end < self.now:
            raise Invalid(["Window end time must be in the future"])
        return end

    def _placeable(self, request: JSON) -> None:
        location = request["location"]
        there = sites.at_location(location)
        offered = sorted({kind for telescope in there for kind in telescope.cameras})
        wanted = [instrument_of(member).code for member in request["configurations"]]
        for code in wanted:
            if code not in offered:
                place = ", ".join(
                    f"{short}={location.get(key, 'Any')}"
                    for short, key in (("site", "site"), ("enc", "enclosure"), ("tel", "telescope"))
                )
                listed = "".join(f"{kind}, " for kind in offered)
                raise refuse(
                    f"Invalid instrument type '{code}' at {place}. \nValid instruments include: {listed}."
                )
        longest = visibility.longest(
            [visibility.Aim.of(member) for member in request["configurations"]],
            [t for t in sites.carrying(set(wanted), location) if t.site not in self.closed_sites],
            window_seconds(request),
        )
        request["duration"] = durations.of_request(request)
        request["largest_interval"] = longest
        if longest <= 0:
            raise refuse(NOT_VISIBLE)
        if longest < request["duration"]:
            raise refuse(TOO_BRIEF.format(longest=longest / 3600, duration=request["duration"] / 3600))

    # -- the group

    def _proposal(self, value: Any) -> str:
        if value == "":
            raise Invalid(["Please provide a proposal."])
        if isinstance(value, bool):
            raise Invalid(["Incorrect type. Expected pk value, received bool."])
        if str(value) not in self.accounts.proposals:
            raise Invalid([f'Invalid pk "{value}" - object does not exist.'])
        return str(value)

    def _group_rules(self, group: JSON) -> None:
        if group["proposal"] is None:
            raise Invalid({"proposal": ["Please provide a proposal."]})
        proposal = self.accounts.proposals[group["proposal"]]
        if self.user.username not in proposal.members:
            raise refuse("You do not belong to the proposal you are trying to submit with")
        if not proposal.active:
            raise refuse("The proposal you are trying to submit with is currently inactive")
        if not 0.5 <= group["ipp_value"] <= 2.0:
            raise refuse("requestgroups ipp_value must be >= 0.5, <= 2.0")
        if group["operator"] == "SINGLE" and len(group["requests"]) != 1:
            raise refuse("'Single' type requestgroups must have exactly one child request.")
        if group["operator"] == "MANY" and len(group["requests"]) == 1:
            raise refuse("'Many' type requestgroups must have more than one child request.")
        self._member_limit(group, proposal.members[self.user.username])
        if group["observation_type"] in ALLOCATED:
            self._time(group)

    def _member_limit(self, group: JSON, limit: float) -> None:
        used = self.accounts.seconds_used.get((group["proposal"], self.user.username), 0.0)
        asked = sum(request["duration"] for request in group["requests"])
        if limit >= 0 and used + asked > limit:
            raise refuse(
                "This request's duration will exceed the time limit set for your account on this proposal."
            )

    def _time(self, group: JSON) -> None:
        kind = group["observation_type"]
        charges = self.charges(group)
        if kind == "RAPID_RESPONSE":
            self._rapid(group["requests"])
        for allocation, hours in charges:
            where = f"allocated in semester {allocation.semester}"
            if allocation.left(kind) <= 0:
                raise refuse(
                    f"Proposal {allocation.proposal} does not have any {kind} time left {where} "
                    f"on {allocation.instrument} instruments"
                )
            if hours > allocation.left(kind) * OVERRUN:
                raise refuse(f"Proposal {allocation.proposal} does not have enough {kind} time {where}")
        if kind == "NORMAL":
            for allocation, hours in charges:
                _ipp_time(allocation, hours, group["ipp_value"])

    def charges(self, group: JSON) -> list[tuple[Allocation, float]]:
        """What the group would cost: hours by allocation."""
        hours: dict[tuple[str, str], float] = {}
        for request in group["requests"]:
            semesters = {self._semester(window) for window in request["windows"]}
            if len(semesters) > 1:
                raise refuse("The observation windows must all be in the same semester")
            semester = semesters.pop()
            for code in {member["instrument_type"] for member in request["configurations"]}:
                hours[semester, code] = hours.get((semester, code), 0.0) + request["duration"] / 3600
        found = []
        for (semester, code), asked in hours.items():
            allocation = self.accounts.allocation(group["proposal"], semester, code)
            if allocation is None:
                raise refuse(
                    f"You do not have sufficient {group['observation_type']} time allocated on the "
                    "instrument you're requesting for this proposal."
                )
            found.append((allocation, asked))
        return found

    def _semester(self, window: JSON) -> str:
        semester = self.accounts.semester_of(window["start"], window["end"], self.now)
        return semester.id if semester else ""

    def _rapid(self, requests: list[JSON]) -> None:
        for request in requests:
            latest = self.now + timedelta(hours=24, seconds=request["duration"])
            for window in request["windows"]:
                if window["start"] > self.now:
                    raise refuse("The Rapid Response observation window start time cannot be in the future.")
                if window["end"] > latest:
                    raise refuse(
                        "A Rapid Response observation must start within the next 24 hours, so the window "
                        "end time must be within the next (24 hours + the observation duration)"
                    )


def highest_ipp(allocation: Allocation, hours: float) -> float:
    """The largest IPP value that the allocation's IPP time bears, cut to three decimals."""
    bearable = 1 + allocation.ipp_available / hours if hours else 2.0
    return min(2.0, int(bearable * 1000) / 1000)


def window_seconds(request: JSON) -> Sequence[tuple[float, float]]:
    """A cleaned request's windows in Unix seconds."""
    return [(window["start"].timestamp(), window["end"].timestamp()) for window in request["windows"]]


def _ipp_time(allocation: Allocation, hours: float, ipp: float) -> None:
    if ipp > 1 and (ipp - 1) * hours > allocation.ipp_available:
        text_ = (
            f"An IPP Value of {ipp} requires more IPP time than you have available for 'NORMAL' Observation "
            f"with the {allocation.instrument} . Please lower your IPP Value to <= "
            f"{highest_ipp(allocation, hours)} and submit again."
        )
        raise refuse(f'TimeAllocationError("{text_}")')
