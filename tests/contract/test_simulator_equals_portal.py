"""The simulator answers as the real Observation Portal does: the same body to both, the same status and JSON.

Ids, times of storage, and the figures of two ephemerides (visible stretches) aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from local.simulators.base import SimulatedClock
from local.simulators.observation_portal.accounts import CONTRACT_TOKEN, OUTSIDER_TOKEN
from tests.contract.bodies import Body, Scene, body
from tests.contract.odd_bodies import ODD_BODIES
from tests.contract.portal.server import Portal
from tests.contract.refusals import ACCEPTANCES, REFUSALS
from tests.contract.spoiling import Spoil, day, unchanged, window
from tests.integration.lco_simulator import Client, running

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]

GROUPS = "/api/requestgroups/"
BASES = [(f"{base}, as it is", base, unchanged) for base in ("sinistro", "muscat", "floyds", "soar")]
TABLE: list[tuple[str, Any, Spoil]] = [
    *BASES,
    *((entry.name, entry.base, entry.spoil) for entry in (*REFUSALS, *ACCEPTANCES)),
    *ODD_BODIES,
]
STORED = {"id", "created", "modified"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Client]:
    """The simulator now, in the one wide semester of the real one."""
    with running(SimulatedClock(), semesters="wide") as client:
        yield client


@pytest.mark.parametrize(
    ("name", "base", "spoil"), TABLE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_same_verdict(
    portal: Portal, simulator: Client, scene: Scene, name: str, base: Any, spoil: Spoil
) -> None:
    spoilt = body(base, scene)
    spoil(spoilt, scene)
    assert _comparable(simulator.call("POST", GROUPS, json=spoilt)) == _comparable(portal.submit(spoilt))
    validated = simulator.call("POST", f"{GROUPS}validate/", json=spoilt)
    assert _comparable(validated) == _comparable(portal.validate(spoilt))


@pytest.mark.parametrize("content", ["{}", "", "[]", "null", '"x"', "{} x", '{"a": Infinity}'])
@pytest.mark.parametrize("path", [GROUPS, f"{GROUPS}validate/", f"{GROUPS}max_allowable_ipp/"])
@pytest.mark.parametrize("kind", ["application/json", "application/xml"])
def test_same_word_on_a_raw_body(
    portal: Portal, simulator: Client, content: str, path: str, kind: str
) -> None:
    headers = {"Content-Type": kind}
    ours, theirs = (one.call("POST", path, data=content, headers=headers) for one in (simulator, portal))
    assert _comparable(ours) == _comparable(theirs)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", GROUPS),
        ("PATCH", f"{GROUPS}1/"),
        ("GET", f"{GROUPS}1/"),
        ("GET", f"{GROUPS}abc/"),
        ("GET", f"{GROUPS}validate/"),
        ("GET", f"{GROUPS}1/cancel/"),
        ("POST", f"{GROUPS}1/cancel/"),
        ("POST", f"{GROUPS}abc/cancel/"),
        ("GET", "/api/requests/1/"),
        ("GET", "/api/requests/1/observations/"),
        ("POST", "/api/observations/"),
        ("GET", "/api/observations/1/"),
        ("GET", "/api/proposals/NOPE/"),
        ("GET", "/api/semesters/NOPE/"),
        ("POST", "/api/instruments/"),
        ("GET", f"{GROUPS}?state=DONE"),
        ("GET", f"{GROUPS}?request_id=abc"),
        ("GET", f"{GROUPS}?created_after=x"),
        ("GET", f"{GROUPS}?proposal=NOPE"),
        ("GET", "/api/requestgroups"),
        ("POST", f"{GROUPS}1/cancel"),
        ("GET", "/api/instruments/?instrument_type=NOPE"),
        ("GET", "/api/semesters/"),
    ],
)
@pytest.mark.parametrize("who", ["member", "nobody", "a bad token", "two words", "no word"])
def test_same_word_on_a_path(portal: Portal, simulator: Client, method: str, path: str, who: str) -> None:
    def asked(one: Client | Portal, member: str) -> requests.Response:
        words = {"member": member, "a bad token": "x", "two words": "a b", "no word": ""}
        headers = {"Authorization": f"Token {words[who]}".strip()} if who in words else {}
        return one.call(method, path, None, headers=headers)

    ours, theirs = asked(simulator, CONTRACT_TOKEN), asked(portal, portal.token)
    assert _comparable(ours) == _comparable(theirs)
    assert ours.headers.get("Location") == theirs.headers.get("Location")


def test_same_instruments(portal: Portal, simulator: Client) -> None:
    ours, theirs = (one.call("GET", "/api/instruments/").json() for one in (simulator, portal))
    assert _plain(ours) == _plain(theirs)


def test_same_keys_of_profile_proposals_and_list(portal: Portal, simulator: Client, scene: Scene) -> None:
    for one in (simulator, portal):
        one.submit(body("sinistro", scene))
    ours, theirs = (
        one.call("GET", f"{GROUPS}?limit=1&name=ZTF26aaaaaaa").json() for one in (simulator, portal)
    )
    assert _keys(ours["results"][0]) == _keys(theirs["results"][0])
    ours, theirs = (one.call("GET", "/api/proposals/TEST_SMALL/").json() for one in (simulator, portal))
    assert set(ours) == set(theirs)
    assert set(ours["timeallocation_set"][0]) == set(theirs["timeallocation_set"][0])
    ours, theirs = (one.call("GET", "/api/profile/").json() for one in (simulator, portal))
    assert set(ours) == set(theirs)
    assert set(ours["tokens"]) == set(theirs["tokens"])


def test_same_life(portal: Portal, simulator: Client, scene: Scene) -> None:
    """Submitted, scheduled, failed, scheduled again, cancelled: the same states at every step."""
    made = body("sinistro", scene)
    window(lambda s: day(s, 0), lambda s: day(s, 7))(made, scene)
    assert _life(simulator, simulator.submit(made)) == _life(portal, portal.submit(made).json())


def test_strangers_see_the_same_nothing(portal: Portal, simulator: Client, scene: Scene) -> None:
    made = body("sinistro", scene)
    ours, theirs = simulator.submit(made), portal.submit(made).json()
    for path in ("", "cancel/"):
        method = "POST" if path else "GET"
        answers = [
            simulator.call(method, f"{GROUPS}{ours['id']}/{path}", OUTSIDER_TOKEN),
            portal.call(method, f"{GROUPS}{theirs['id']}/{path}", portal.outsider_token),
        ]
        assert _comparable(answers[0]) == _comparable(answers[1])


def _life(one: Client | Portal, group: Body) -> list[Any]:
    """What a member sees at each step."""
    seen: list[Any] = []

    def look() -> None:
        now = one.call("GET", f"{GROUPS}{group['id']}/").json()
        rows = one.call("GET", f"/api/requests/{group['requests'][0]['id']}/observations/").json()
        observations = [
            (row["state"], [status["state"] for status in row["configuration_statuses"]]) for row in rows
        ]
        seen.append((now["state"], [child["state"] for child in now["requests"]], observations))

    look()
    now = datetime.now(UTC)
    first = _place(one, group, now + timedelta(minutes=30))
    look()
    _report(one, first[0], "ATTEMPTED")
    look()
    _report(one, first[0], "FAILED")
    _report(one, first[1], "NOT_ATTEMPTED")
    look()
    _place(one, group, now + timedelta(hours=30))
    look()
    cancelled = one.call("POST", f"{GROUPS}{group['id']}/cancel/")
    seen.append((cancelled.status_code, cancelled.json()["state"], cancelled.json()["requests"][0]["state"]))
    look()
    return seen


def _place(one: Client | Portal, group: Body, start: datetime) -> list[int]:
    child = group["requests"][0]
    placed = {
        "request": child["id"],
        "site": "lsc",
        "enclosure": "doma",
        "telescope": "1m0a",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=20)).isoformat(),
        "priority": 10,
        "configuration_statuses": [
            {"configuration": member["id"], "instrument_name": "fa08", "guide_camera_name": "ag-fa08"}
            for member in child["configurations"]
        ],
    }
    answer = one.call("POST", "/api/observations/", _staff(one), json=placed)
    assert answer.status_code == 201, answer.text
    return [status["id"] for status in answer.json()["configuration_statuses"]]


def _report(one: Client | Portal, status: int, state: str) -> None:
    told: Body = {"state": state}
    if state == "FAILED":
        now = datetime.now(UTC).isoformat()
        told["summary"] = {
            "start": now,
            "end": now,
            "state": state,
            "reason": "clouds",
            "time_completed": 0.0,
        }
    answer = one.call("PATCH", f"/api/configurationstatus/{status}/", _staff(one), json=told)
    assert answer.status_code == 200, answer.text


def _staff(one: Client | Portal) -> str:
    if isinstance(one, Portal):
        return one.staff_token
    return one.simulator.accounts.users["scheduler"].token


def _comparable(answer: requests.Response) -> tuple[int, Any]:
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        return answer.status_code, answer.headers.get("Content-Type")
    return answer.status_code, _plain(answer.json())


def _plain(value: Any) -> Any:
    """Without what differs between two servers: ids, moments, unordered lists in texts, ephemerides."""
    if isinstance(value, dict):
        return {
            key: 0 if key == "largest_interval" else _plain(member)
            for key, member in value.items()
            if key not in STORED and key != "description"
        }
    if isinstance(value, list):
        members = [_plain(member) for member in value]
        coded = all(isinstance(member, dict) and "code" in member for member in members)
        return sorted(members, key=lambda member: str(member["code"])) if coded else members
    if isinstance(value, float):
        return round(value, 6)
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    text = re.sub(r"maximum of \d+\.\d+ hours", "maximum of so many hours", text)
    listed = re.match(r"(?s)(.*Valid instruments (?:may )?include: )(.*)", text)
    if listed:
        return listed[1] + ", ".join(sorted(re.findall(r"[A-Z0-9][\w-]+", listed[2])))
    # A moment that was filled in, as the start of a window that had none.
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "then", text)


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _keys(member) for key, member in value.items()}
    return [_keys(value[0])] if isinstance(value, list) and value else None
