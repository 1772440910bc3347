"""What the torture has to know of each facility beyond its example: what a trigger is, when it is done.

A new facility is found by its example; without a line here its every unsafe request counts as a trigger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any

from local import demo_script
from local.examples import EVENTS
from slew.facility import Facility
from tests.torture.bench import SES, Bench, Case

JSON = dict[str, Any]
NEVER = "$^"
"""A pattern that nothing has."""
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Way:
    """One way to trigger a facility.

    - `trigger` is searched in `METHOD path?query body` of what the simulator saw; its group, if it has one,
      names the part of a submission of several exchanges.
    - `critical` is a prefix of the path of the exchange that triggers, `method` its method.
    - `altdata`, `payload`, `changes`: over the example's; `changes` is what an update changes.
    - `ready_s`: time after which a poll brings the most; `undecided`: why an unknown outcome may stay unknown
      although the facility can be asked. `reads`: unsafe by method, but harmless.
    - `withdrawal`: does the same once or twice.
    - `guard_s`: for so long the facility itself refuses a repetition, on which its recovery relies.
    - `fault_setting`: of the simulator, where path and method do not tell the exchange that triggers.
    - `arrives_at`: the simulator that sees it, where that is not the facility's own.
    """

    facility: str
    trigger: str
    method: str = "POST"
    critical: str = "/"
    name: str = ""
    altdata: JSON = field(default_factory=dict)
    payload: JSON = field(default_factory=dict)
    changes: JSON = field(default_factory=dict)
    ready_s: float = 3600.0
    tonight: bool = False
    undecided: str = ""
    reads: str = NEVER
    withdrawal: str = NEVER
    guard_s: float = 0.0
    fault_setting: str = ""
    arrives_at: str = ""

    def __str__(self) -> str:
        return f"{self.facility}-{self.name}" if self.name else self.facility

    @cached_property
    def class_(self) -> Facility:
        """The facility's object."""
        module = import_module(f"{self.facility}.facility")
        found = (each for each in vars(module).values() if isinstance(each, type))
        (kind,) = [each for each in found if each.__module__ == module.__name__ and _is_facility(each)]
        instance: Facility = kind()
        return instance

    def can(self, operation: str) -> bool:
        """Whether it can do that."""
        return self.class_.can(operation)

    def allocate(self, case: Case, notify: JSON | None = None, handover: JSON | None = None) -> None:
        """The example's allocation, with this way's altdata."""
        case.arrives_at = self.arrives_at or self.facility
        case.allocate(notify, self.altdata, handover)

    def body(self, bench: Bench, case: Case) -> JSON:
        """The example's request, to a target of this case's own name."""
        request = bench.examples[self.facility].request
        body = {**request, "payload": {**request["payload"], **self.payload}}
        if self.tonight:
            body["target"] = demo_script.up_tonight(bench.now)
        if "target" in body:
            body["target"] = {**body["target"], "name": f"AT {case.number}"}
        return body

    def update(self, bench: Bench, case: Case) -> JSON:
        """The body of an update."""
        return {"payload": {**self.body(bench, case)["payload"], **self.changes}}

    def make_ready(self, bench: Bench, case: Case) -> None:
        """Let it be done at the facility, without a look at it."""
        bench.move(self.ready_s)
        # A robot that works by itself has done by then what falls into the time.
        bench.simulate(self.facility, "POST", "/_clock", {"advance_s": 0})

    def unsafe(self, journal: list[JSON]) -> list[str]:
        """What a simulator has seen that could change something there: method and path, numbers left out."""
        return [
            re.sub(r"\d+", "#", f"{entry['method']} {entry['path']}")
            for entry in journal
            if entry["method"] in UNSAFE and not re.search(f"{self.reads}|{self.withdrawal}", seen(entry))
        ]

    def changing(self, journal: list[JSON]) -> list[str]:
        """The unsafe requests that following has made: none, but for the harmless ones of `reads`."""
        return [
            seen(entry)[:200]
            for entry in journal
            if entry["method"] in UNSAFE and not re.search(self.reads, seen(entry))
        ]

    def triggers(self, journal: list[JSON]) -> list[str]:
        """The triggers that a simulator has seen, each by the part that it is of."""
        found = []
        guarded_until = 0.0
        for entry in journal:
            match = re.search(self.trigger, seen(entry), re.DOTALL)
            if match and entry["at"] >= guarded_until:
                found.append(match[1] if match.re.groups else "whole")
                guarded_until = entry["at"] + self.guard_s
        return found


def seen(entry: Mapping[str, Any]) -> str:
    """A journal's entry in one text."""
    return f"{entry['method']} {entry['path']}?{entry['query']} {entry['body']}"


_SLACK_HOOK = "B00000000"
_GEMINI = Way(
    "gemini",
    r"^POST /(?:north|south)/too\?.*obsnum=(\d+)",
    critical="/north/too",
    ready_s=6 * 3600,
    undecided="a programme's list does not tell a clone of ours from one that somebody else made",
)
_KNOWN = (
    Way(
        "atlas_forced_photometry",
        r"^POST /forcedphot/queue/\?",
        critical="/forcedphot/queue/",
        changes={"comment": "changed"},
    ),
    _GEMINI,
    replace(_GEMINI, name="two-templates", payload={"template_ids": "21,22"}),
    Way("generic", r"^POST /api/requests\?", critical="/api/requests", altdata={"update_method": "post"}),
    Way(
        "generic",
        rf"^POST /services/T\w+/{_SLACK_HOOK}/.*New request",
        name="slack",
        critical="/services/T00000000/B00000000",
        altdata={
            "notification_type": "slack",
            "slack_workspace": "T00000000",
            "slack_channel": _SLACK_HOOK,
            "slack_token": "XXXXXXXXXXXXXXXXXXXXXXXX",
        },
        arrives_at="slack",
    ),
    Way(
        "generic",
        r"^POST /v2/email/outbound-emails\?.*New request",
        name="email",
        altdata={"notification_type": "email", "email": "night@example.org"},
        arrives_at=SES,
    ),
    Way("kait", r"^POST /cgi-bin/", critical="/cgi-bin/"),
    Way(
        "lco",
        r"^POST /api/requestgroups/\?",
        critical="/api/requestgroups/",
        changes={"exposure_time": 200},
        ready_s=5 * 86400,
    ),
    Way(
        "lt",
        r'^POST .*mode=(?:"|&quot;)request',
        critical="/node_agent2/",
        changes={"exposure_time": 100},
        ready_s=2 * 86400,
        tonight=True,
        reads=r'mode=(?:"|&quot;)(?!request|abort)',
        withdrawal=r'mode=(?:"|&quot;)abort',
    ),
    Way("mma", r"^PUT /api/obsplans\?", "PUT", "/api/obsplans", ready_s=86400),
    Way(
        "nicer",
        r"^POST /ark/nicertoo/form.html\?.*RPS_SUBMIT",
        critical="/ark/nicertoo/",
        fault_setting="at_submit",
    ),
    Way(
        "sedm",
        r'^POST /add_request\?.*"status": "new"',
        critical="/add_request",
        changes={"priority": 2},
        ready_s=30 * 3600,
    ),
    Way(
        "slack",
        rf"^POST /services/T\w+/{_SLACK_HOOK}/.*New request",
        critical="/services/T00000000/B00000000",
    ),
    Way(
        "soar",
        r"^POST /api/requestgroups/\?",
        critical="/api/requestgroups/",
        changes={"exposure_time": 200},
        ready_s=5 * 86400,
        tonight=True,
    ),
    Way(
        "swift_too",
        r"^POST /api/v2/swift/too\?",
        critical="/api/v2/swift/too",
        ready_s=12 * 86400,
        guard_s=600,
    ),
    Way(
        "swift_xrt",
        r"^POST /user_objects/run_userobject",
        critical="/user_objects/run_userobject",
        reads=r"^POST /user_objects/(check|get|tprods/get)",
    ),
    Way("winter", r"^POST /too/winter\?", critical="/too/winter", ready_s=86400),
    Way(
        "ztf",
        r"^PUT /api/triggers/ztf\?",
        "PUT",
        "/api/triggers/ztf",
        changes={"exposure_time": "30"},
        ready_s=86400,
    ),
    Way(
        "ztf_forced_photometry",
        r"^GET /cgi-bin/requestForcedPhotometry",
        "GET",
        "/cgi-bin/requestForcedPhotometry",
        ready_s=4 * 3600,
    ),
)


def all_ways() -> list[Way]:
    """Every facility's ways."""
    known = {way.facility for way in _KNOWN}
    ids = sorted(path.name.removesuffix("-allocation.json") for path in EVENTS.glob("*-allocation.json"))
    return [*_KNOWN, *(Way(each, f"^(?:{'|'.join(UNSAFE)}) ") for each in ids if each not in known)]


def ways_that(operation: str) -> list[Way]:
    """Those that can do something."""
    return [way for way in all_ways() if way.can(operation)]


def by_http(ways: Iterable[Way]) -> list[Way]:
    """Those whose exchanges a simulator's faults can meet."""
    return [way for way in ways if way.arrives_at != SES]


def _is_facility(kind: type) -> bool:
    return issubclass(kind, Facility) and bool(getattr(kind, "id", ""))
