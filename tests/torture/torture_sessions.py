"""Two allocations' credentials in one warm process, in turns: nothing of one is in what the other sends."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from pydantic import SecretStr

from local.simulators.atlas.accounts import OTHER_TOKEN as ATLAS_TOKEN
from local.simulators.nicer.server import SEEDED_ACCOUNTS
from local.simulators.observation_portal.accounts import CONTRACT_TOKEN
from local.simulators.slack import SEEDED_HOOKS
from local.simulators.swift_too.accounts import OTHER_SECRET, OTHER_USER
from slew.validation import parse
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.ways import Way, all_ways

JSON = dict[str, Any]
TURNS = 12
# Credentials of somebody else that the simulators take as well; elsewhere made-up ones are sent and refused.
OTHERS: dict[str, JSON] = {
    "atlas_forced_photometry": {"api_token": ATLAS_TOKEN},
    "lco": {"API_TOKEN": CONTRACT_TOKEN},
    "soar": {"API_TOKEN": CONTRACT_TOKEN},
    "nicer": {"username": SEEDED_ACCOUNTS[2]["user"], "password": SEEDED_ACCOUNTS[2]["password"]},
    "swift_too": {"username": OTHER_USER, "secret": OTHER_SECRET},
    "slack": dict(zip(("slack_workspace", "slack_channel", "slack_token"), SEEDED_HOOKS[2], strict=True)),
    "swift_xrt": {"XRT_UserID": "observer2@example.org"},
}


@pytest.mark.parametrize("way", [way for way in all_ways() if not way.name], ids=str)
def test_two_allocations_in_turns(bench: Bench, way: Way) -> None:
    with (
        counting("race: two allocations in one process", str(way)) as counts,
        bench.case(way.facility, SEED) as case,
    ):
        mine = {**case.example.allocation["altdata"], **way.altdata}
        theirs = _other(way, mine)
        ids = {"mine": case.allocation_id, "theirs": f"{case.allocation_id}-other"}
        values = {"mine": _values(way, mine), "theirs": _values(way, theirs)}
        for owner, altdata in (("mine", mine), ("theirs", theirs)):
            body = {**case.example.allocation, "id": ids[owner], "altdata": altdata}
            assert case.client()("POST", f"{case.path}/allocations", body).status == 201
        cookies: dict[str, set[str]] = {"mine": set(), "theirs": set()}
        for turn in range(TURNS):
            owner, other = ("mine", "theirs") if turn % 2 == 0 else ("theirs", "mine")
            before = len(case.journal())
            _operate(bench, case, way, ids[owner], turn)
            sent = case.journal()[before:]
            assert sent or turn > 2, "nothing was sent"
            for entry in sent:
                text = _text(entry)
                leaked = [each for each in values[other] - values[owner] if each in text]
                assert not leaked, f"turn {turn}: {entry['method']} {entry['path']} has the other's secret"
                cookies[owner] |= set(re.findall(r"[^\s;=]+=[^;]+", entry["headers"].get("Cookie", "")))
            shared = cookies["mine"] & cookies["theirs"]
            assert not shared, f"turn {turn}: a cookie serves both: {shared}"
            counts.update(rounds=1, exchanges=len(sent))
        counts["cookies"] = len(cookies["mine"] | cookies["theirs"])


def _operate(bench: Bench, case: Case, way: Way, allocation: str, turn: int) -> None:
    """Check the credentials, submit, and look at what is due."""
    if way.can("verify") and turn % 4 > 1:
        case.client()("POST", f"{case.path}/allocations/{allocation}/verify")
        return
    body = {**way.body(bench, case), "allocation_id": allocation}
    if "target" in body:
        body["target"] = {**body["target"], "name": f"AT {case.number} {turn}"}
    reply = case.client()("POST", f"{case.path}/requests", body)
    assert reply.status < 500, reply.text
    if way.can("poll") and reply.status == 201:
        case.client()("POST", f"{case.path}/requests/{reply.json['id']}/refresh")


def _other(way: Way, altdata: JSON) -> JSON:
    if way.facility in OTHERS:
        return {**altdata, **OTHERS[way.facility]}
    secret = _secret_keys(way, altdata)
    return {key: value[::-1] if key in secret else value for key, value in altdata.items()}


def _secret_keys(way: Way, altdata: JSON) -> list[str]:
    parsed = parse(way.class_.Altdata, altdata, ["altdata"])
    values = {
        value.get_secret_value()
        for name in type(parsed).model_fields
        if isinstance(value := getattr(parsed, name), SecretStr)
    }
    return [key for key, value in altdata.items() if isinstance(value, str) and value in values]


def _values(way: Way, altdata: JSON) -> set[str]:
    """The credentials, in the forms in which they travel."""
    chosen = {*_secret_keys(way, altdata), *OTHERS.get(way.facility, ())}
    plain = [str(altdata[key]) for key in chosen if len(str(altdata.get(key) or "")) >= 4]
    return {form for each in plain for form in (each, quote(each, safe=""), quote_plus(each))}


def _text(entry: JSON) -> str:
    """All that was sent, Basic authentication opened."""
    headers = "\n".join(f"{name}: {value}" for name, value in entry["headers"].items())
    basic = re.search(r"Basic ([A-Za-z0-9+/=]+)", headers)
    opened = base64.b64decode(basic[1]).decode("utf-8", "replace") if basic else ""
    return "\n".join((entry["path"], entry["query"], headers, opened, entry["body"]))
