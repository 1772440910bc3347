"""The simulator of Gemini's databases: triggers, as strict as the card says (card: Simulator)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
import requests

from local.simulators.gemini import (
    NORTH,
    SOUTH,
    SOUTH_KEY,
    GeminiServer,
)
from tests.integration.gemini_bench import NOW
from tests.integration.gemini_calls import (
    FIRST,
    GOOD,
    JSON,
    LIMITS,
    STAR,
    WINDOW,
    clone,
    control,
    get,
    trigger,
)
from tests.support.frozen import FrozenClock


@pytest.fixture
def gemini() -> Iterator[GeminiServer]:
    server = GeminiServer(FrozenClock(NOW))
    server.start()
    yield server
    server.stop()


def test_success_is_the_id_alone(gemini: GeminiServer) -> None:
    answer = trigger(gemini)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.text.strip() == FIRST
    south = {"prog": SOUTH, "password": SOUTH_KEY, "obsnum": "4"}
    assert trigger(gemini, "south", **south).text.strip() == f"{SOUTH}-12"


def test_the_same_trigger_twice_is_two_observations(gemini: GeminiServer) -> None:
    assert [trigger(gemini).text.strip() for _ in range(2)] == [FIRST, f"{NORTH}-41"]
    assert gemini.sites["north"].programmes[NORTH].observations[21].status == "On Hold"
    control(gemini, "/_observe", observation=f"{NORTH}-41", remove=True)
    assert trigger(gemini).text.strip() == f"{NORTH}-42"


def test_get_and_form_do_as_well(gemini: GeminiServer) -> None:
    assert get(gemini, "/north/too", params=GOOD).text.strip() == FIRST
    assert requests.post(f"{gemini.url}/north/too", GOOD, timeout=10).text.strip() == f"{NORTH}-41"


def test_what_a_bare_clone_keeps(gemini: GeminiServer) -> None:
    trigger(gemini, ready=None)
    found = clone(gemini)
    assert (found["status"], found["posangle_deg"], found["elevation"]) == ("On Hold", 0.0, None)
    assert (found["guide_star"], found["note"], found["group"], found["exptime_s"]) == (None,) * 4
    assert [each["hours"] for each in found["windows"]] == [24]
    south = {"prog": SOUTH, "password": SOUTH_KEY, "obsnum": "4"}
    trigger(gemini, "south", **south)
    assert clone(gemini, f"{SOUTH}-12")["windows"] == []


@pytest.mark.parametrize(("ready", "status"), [("TRUE", "Ready"), ("yes", "On Hold"), ("", "On Hold")])
def test_ready(gemini: GeminiServer, ready: str, status: str) -> None:
    trigger(gemini, ready=ready)
    assert clone(gemini)["status"] == status


def test_unknown_parameters_are_ignored(gemini: GeminiServer) -> None:
    trigger(gemini, **STAR, gstarg="UCAC4-700-012345", gsmag="14.2/UC/Vega")
    star = clone(gemini)["guide_star"]
    assert (star["name"], star["mags"]) == ("GS", "")


def test_a_window_is_added_to_the_templates(gemini: GeminiServer) -> None:
    trigger(gemini, **WINDOW)
    template = gemini.sites["north"].programmes[NORTH].observations[21]
    template.windows = gemini.sites["north"].programmes[NORTH].observations[40].windows
    trigger(gemini, **WINDOW)
    assert len(clone(gemini, f"{NORTH}-41")["windows"]) == 2


@pytest.mark.parametrize(
    ("status", "reason", "changes"),
    [
        (400, 'missing "prog" param', {"prog": None, "email": None}),
        (400, 'illegal program id "prog"', {"prog": "GN_2026B"}),
        (400, 'missing "email"', {"email": None, "password": None}),
        (400, 'missing "password"', {"password": None, "obsnum": None}),
        (400, 'one of "obs" or "obsnum" must be specified', {"obsnum": None, "target": None}),
        (400, '"obsnum" must be a positive integer', {"obsnum": "0", "obs": "ToO R150"}),
        (400, '"obsnum" must be a positive integer', {"obsnum": "x"}),
        (400, "missing 'target'", {"target": " ", "ra": None}),
        (400, "missing 'ra'", {"ra": "", "dec": None}),
        (400, "missing 'dec'", {"dec": None, "mags": "x"}),
        (400, 'cannot parse the ra "12:22:60.0000"', {"ra": "12:22:60.0000"}),
        (400, 'cannot parse the ra "12h22m"', {"ra": "12h22m"}),
        (400, 'cannot parse the dec "4:60:00"', {"dec": "4:60:00"}),
        (400, "invalid magnitude list: 18.4/x/AB", {"mags": "18.4/x/AB", "gsmags": ""}),
        (400, "missing 'gsra'", {"gsmags": ""}),
        (400, "missing 'gsdec'", {"gstarget": "x", "gsra": "1"}),
        (400, "missing 'gsprobe'", {**STAR, "gsprobe": ""}),
        (400, 'cannot parse the guide probe "oiwfs"', {**STAR, "gsprobe": "oiwfs"}),
        (400, "invalid magnitude list: 13", {**STAR, "gsmags": "13", "posangle": "x"}),
        (400, 'cannot parse position angle "x"', {"posangle": "x", "exptime": "x"}),
        (400, "cannot parse exptime value `1.4` as an integer number of seconds", {"exptime": "1.4"}),
        (400, "minimum exptime is 1 sec", {"exptime": "0"}),
        (400, "maximum exptime is 1200 sec", {"exptime": "1201", "elevationMin": "1"}),
        (
            400,
            "all elevation constraint parameters must be specified if one is specified",
            {"elevationMin": "1.0", "windowTime": "x"},
        ),
        (400, "unrecognized elevation constraint type: x", {**LIMITS, "elevationType": "x"}),
        (
            400,
            "elevation constraint min and max must be floating point values",
            {**LIMITS, "elevationMax": "x"},
        ),
        (
            400,
            "all timing window parameters must be specified if one is specified",
            {"windowTime": "04:00", "password": "wrong"},
        ),
        (
            400,
            "timing window date format is YYYY-MM-DD and time format is HH:mm",
            {**WINDOW, "windowDate": "1.12.2026"},
        ),
        (400, "timing window duration should be a positive integer", {**WINDOW, "windowDuration": "-1"}),
        (400, "timing window duration should be a positive integer", {**WINDOW, "windowDuration": "1.5"}),
        (404, "Incorrect program ID, email address, or password", {"password": "wrong", "obsnum": "99"}),
        (404, "Incorrect program ID, email address, or password", {"prog": "GN-1"}),
        (404, "Incorrect program ID, email address, or password", {"prog": SOUTH, "password": SOUTH_KEY}),
        (404, "Insufficient privileges.", {"prog": "GN-2026B-Q-112", "obsnum": "99"}),
        (403, "Program is not active.", {"prog": "GN-2026B-Q-111", "obsnum": "99"}),
        (404, f"Template observation {NORTH}-99 not found", {"obsnum": "99"}),
        (404, 'Template observation "ToO" not found', {"obsnum": None, "obs": "ToO"}),
        (404, "Template observation is not 'on hold'.", {"obsnum": "20"}),
    ],
)
def test_refusals_in_the_servers_order(gemini: GeminiServer, status: int, reason: str, changes: JSON) -> None:
    answer = trigger(gemini, **changes)
    found = re.search(r"<pre>(.*?)</pre>", answer.text, re.DOTALL)
    assert found
    assert (answer.status_code, unescape(found[1]).strip()) == (status, reason)
    assert f"<title>Error {status} " in answer.text
    assert "Powered by Jetty://" in answer.text
    assert get(gemini, "/_observations").json() == {}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"obsnum": None, "obs": "too r150"}, {"instrument": "GMOS-N"}),
        ({"obsnum": "23", "obs": "ToO R150"}, {"instrument": "GNIRS"}),
        ({"ra": "185.5", "dec": "-4.5"}, {"target": ["ZTF26aaabcde", 185.5, -4.5]}),
        ({"mags": "18.4/r/AB,-1./AP/Jy"}, {"mags": "18.4/r/AB,-1./AP/Jy"}),
        ({"elevationType": "NONE"}, {"elevation": None}),
        (
            {**LIMITS, "elevationType": "hourangle", "elevationMin": "-2"},
            {"elevation": {"kind": "hourAngle", "low": -2.0, "high": 1.6}},
        ),
        ({"note": "a\nb"}, {"note": ["Finding Chart", "a\nb"]}),
        ({"noteTitle": "Chart"}, {"note": ["Chart", ""]}),
        ({"exptime": "1200", "posangle": "143"}, {"exptime_s": 1200, "posangle_deg": 143.0}),
        (
            {**WINDOW, "windowDuration": "0"},
            {"windows": [{"start": "2026-12-01T04:00:00+00:00", "hours": 0}]},
        ),
    ],
)
def test_what_is_taken(gemini: GeminiServer, changes: JSON, kept: JSON) -> None:
    assert trigger(gemini, **changes).status_code == 200
    found = clone(gemini)
    assert {name: found[name] for name in kept} == kept


def test_a_group_is_made_once(gemini: GeminiServer) -> None:
    for _ in range(2):
        trigger(gemini, group="ZTF26aaabcde")
    trigger(gemini, group=" ")
    assert gemini.sites["north"].programmes[NORTH].groups == ["ZTF26aaabcde"]


def test_faults(gemini: GeminiServer) -> None:
    control(gemini, "/_config", database_down=True)
    assert (trigger(gemini).status_code, "Database unavailable." in trigger(gemini).text) == (503, True)
    assert trigger(gemini, target="").status_code == 400
    control(gemini, "/_config", database_down=False, breaks_after_cloning=True)
    assert trigger(gemini).status_code == 500
    assert len(get(gemini, "/_observations").json()) == 1
    control(gemini, "/_config", breaks_after_cloning=False, answer="OK")
    assert trigger(gemini).text == "OK\n"
    assert control(gemini, "/_config", colour=1).status_code == 400
    requests.post(f"{gemini.url}/_reset", timeout=10)
    assert trigger(gemini).text.strip() == FIRST
