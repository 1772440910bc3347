"""The Swift simulator keeps the rules of swift_too.md: what it refuses, in which words, and what it shows."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.simulators.swift_too import (
    DEMO_SECRET,
    DEMO_USER,
    OTHER_SECRET,
    OTHER_USER,
    SwiftTooServer,
    sky,
)
from tests.support.frozen import FrozenClock

JSON = dict[str, Any]
HOUR, DAY = 3600.0, 86400.0
FORM = {
    "target_name": "ZTF26aabcdef",
    "target_type": "Optical fast transient",
    "ra": "150.114042",
    "dec": "2.205811",
    "instrument": "XRT",
    "obs_type": "Light Curve",
    "urgency": "2",
    "opt_mag": "19.4",
    "opt_filt": "r",
    "uvot_mode": "0x30ed",
    "science_just": "Red, fast fading transient without host.",
    "immediate_objective": "Detect the X-ray counterpart.",
    "exposure": "12000",
    "proposal": "false",
    "uvot_just": "We need the full UV/optical SED.",
    "xrt_mode": "7",
    "tiling": "false",
    "exp_time_just": "4 ks reaches 2.5e-3 ct/s.",
    "exp_time_per_visit": "4000.0",
    "num_of_visits": "3",
    "monitoring_freq": "2 days",
    "username": DEMO_USER,
    "debug": "false",
    "quiet": "true",
    "validate_only": "false",
}


@pytest.fixture
def swift() -> Iterator[SwiftTooServer]:
    simulator = SwiftTooServer(FrozenClock())
    simulator.start()
    yield simulator
    simulator.stop()


def session(swift: SwiftTooServer, username: str = DEMO_USER, password: str = DEMO_SECRET) -> JSON:
    answer = requests.post(
        f"{swift.base_url}/login", json={"username": username, "password": password}, timeout=10
    )
    assert answer.status_code == 200
    return {"Cookie": f"session={answer.cookies['session']}"}


def post(swift: SwiftTooServer, headers: JSON | None = None, **changes: Any) -> requests.Response:
    form = {name: value for name, value in {**FORM, **changes}.items() if value is not None}
    headers = session(swift) if headers is None else headers
    return requests.post(f"{swift.base_url}/swift/too", data=form, headers=headers, timeout=10)


def get(swift: SwiftTooServer, path: str, headers: JSON | None = None, **query: Any) -> requests.Response:
    return requests.get(f"{swift.base_url}{path}", params=query, headers=headers, timeout=10)


def configure(swift: SwiftTooServer, **settings: Any) -> None:
    assert requests.post(f"{swift.url}/_config", json=settings, timeout=10).status_code == 200


def at(spot: tuple[float, float]) -> JSON:
    return {"ra": str(spot[0]), "dec": str(spot[1])}


# -- accounts


def test_sessions(swift: SwiftTooServer) -> None:
    for password in (DEMO_SECRET, "account-password-1"):
        headers = session(swift, password=password)
        assert get(swift, "/session", headers).json() == {"username": DEMO_USER}
    requests.post(f"{swift.base_url}/logout", headers=headers, timeout=10)
    assert get(swift, "/session", headers).status_code == 401
    configure(swift, session_s=10.0)
    headers = session(swift)
    swift.clock.advance(11)
    assert post(swift, headers).status_code == 401


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"username": DEMO_USER, "password": "wrong"}}, 401),
        ({"json": {"username": "nobody", "password": DEMO_SECRET}}, 401),
        ({"json": {"username": DEMO_USER}}, 422),
        ({"data": {"username": DEMO_USER, "password": DEMO_SECRET}}, 422),
    ],
)
def test_no_login(swift: SwiftTooServer, sent: JSON, status: int) -> None:
    answer = requests.post(f"{swift.base_url}/login", **sent, timeout=10)
    assert answer.status_code == status
    assert "detail" in answer.json()
    assert "Set-Cookie" not in answer.headers


# -- the form


def test_acceptance(swift: SwiftTooServer) -> None:
    answer = post(swift)
    assert answer.status_code == 201
    assert answer.json() == {
        "status": "Accepted",
        "too_id": 22682,
        "jobnumber": 23472401,
        "errors": [],
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("changes", "loc", "text"),
    [
        ({"ra": None}, ["body"], "Missing required field: ra"),
        ({"science_just": None}, ["body"], "Missing required field: science_just"),
        ({"immediate_objective": None}, ["body", "immediate_objective"], "Field required"),
        ({"exposure": "4000"}, ["body", "exposure"], "times num_of_visits"),
        ({"obs_type": "X"}, ["body", "obs_type"], "'Spectroscopy', 'Light Curve', 'Position' or 'Timing'"),
        ({"urgency": "5"}, ["body", "urgency"], "Input should be 0, 1, 2, 3 or 4"),
        ({"ra": "360"}, ["body", "ra"], "less than 360"),
        ({"dec": "north"}, ["body", "dec"], "valid number"),
        ({"proposal": "False"}, ["body", "proposal"], "'true' or 'false'"),
        ({"xrt_mode": "PC"}, ["body", "xrt_mode"], "should be PC (7), WT (6) or Auto (0)"),
        ({"monitoring_freq": "2 hours"}, ["body", "monitoring_freq"], "incorrect format"),
        (
            {"exp_time_per_visit": "0.5", "num_of_visits": "2", "exposure": "1"},
            ["body", "exp_time_per_visit"],
            "integer",
        ),
        ({"number_of_tiles": "5"}, ["body", "number_of_tiles"], "'Other'"),
        ({"source_name": "x"}, ["body", "source_name"], "Extra inputs"),
        ({"opt_filt": None}, ["body"], "at least one brightness value"),
        ({"uvot_just": ""}, ["body"], "Must specify UVOT justification"),
        ({"target_type": "GRB"}, ["body"], "Must specify GRB trigger time and detector"),
        ({"proposal": "true"}, ["body"], "Must specify proposal ID and PI"),
        (
            {"proposal": "true", "proposal_id": "1", "proposal_pi": "PI"},
            ["body"],
            "Must specify proposal trigger justification",
        ),
        ({"tiling": "true"}, ["body"], "Must specify tiling justification"),
        ({"monitoring_freq": None}, ["body"], "Must specify monitoring frequency"),
        ({"exp_time_per_visit": None}, ["body"], "Must specify exposure time per visit"),
    ],
)
def test_a_form_that_breaks_a_rule(swift: SwiftTooServer, changes: JSON, loc: list[str], text: str) -> None:
    answer = post(swift, **changes)
    assert answer.status_code == 422
    [detail] = answer.json()["detail"]
    assert detail["loc"] == loc
    assert text in detail["msg"]
    assert not swift.book.toos


def test_only_forms_are_taken(swift: SwiftTooServer) -> None:
    answer = requests.post(f"{swift.base_url}/swift/too", json=FORM, headers=session(swift), timeout=10)
    assert answer.status_code == 422


def test_a_session_is_needed_and_must_be_the_users(swift: SwiftTooServer) -> None:
    assert post(swift, {}).status_code == 401
    assert post(swift, {"Cookie": "session=made-up"}).status_code == 401
    theirs = post(swift, session(swift, OTHER_USER, OTHER_SECRET))
    assert (theirs.status_code, theirs.json()["status"]["status"]) == (400, "Rejected")
    anonymous = post(swift, {}, username="anonymous")
    assert anonymous.json()["status"]["errors"] == ["Cannot submit TOOs from anonymous user."]


def test_the_sky_refuses(swift: SwiftTooServer) -> None:
    star = post(swift, **at(sky.BRIGHT_STAR))
    assert star.status_code == 400
    assert star.json()["status"]["errors"] == [
        "The following UVOT filters are not allowed due to a bright star: u, b, v, uvw1, uvw2, uvm2."
    ]
    hidden = post(swift, **at(sky.CONSTRAINED)).json()["status"]["errors"]
    assert "currently constrained until" in hidden[0]
    assert post(swift, **at(sky.CONSTRAINED), urgency="3").status_code == 201
    assert post(swift, uvot_mode="nonsense").json()["status"]["errors"] == ["Invalid UVOT mode: nonsense."]
    configure(swift, refuse_with_200=True)
    assert post(swift, **at(sky.BRIGHT_STAR)).status_code == 200


def test_the_guard_against_duplicates(swift: SwiftTooServer) -> None:
    post(swift)
    again = post(swift, target_name="same place")
    assert again.json()["status"]["errors"] == ["TOO already recently submitted. TOO ID: 22682"]
    assert post(swift, session(swift, OTHER_USER, OTHER_SECRET), username=OTHER_USER).status_code == 201
    swift.clock.advance(601)
    assert post(swift).json()["too_id"] == 22684
    configure(swift, guard_s=0)
    assert post(swift).json()["too_id"] == 22685


def test_validation_and_debug_store_nothing(swift: SwiftTooServer) -> None:
    validated = post(swift, validate_only="true")
    assert (validated.status_code, validated.json()) == (200, {"status": "Validated"})
    debug = post(swift, debug="true")
    assert (debug.status_code, debug.json()["status"]) == (201, "Accepted")
    swift.clock.advance(30 * DAY)
    assert get(swift, "/swift/too", too_id=debug.json()["too_id"]).json()["entries"] == []
    assert get(swift, "/swift/too", limit=10).json()["entries"] == []


# -- the life of a request


def test_life_of_a_request(swift: SwiftTooServer) -> None:
    too_id = post(swift, num_of_visits="2", exposure="8000").json()["too_id"]
    asked = {"too_id": too_id}
    assert get(swift, "/swift/too", **asked).json()["entries"] == []
    assert get(swift, "/swift/calendar", **asked).json()["entries"] == []
    swift.clock.advance(4 * HOUR)
    [entry] = get(swift, "/swift/too", **asked).json()["entries"]
    assert (entry["decision"], entry["done"], entry["total_exp_time_approved"]) == ("Approved", 0, 8000)
    assert entry["uvot_mode_approved"] == 0x30ED
    windows = get(swift, "/swift/calendar", **asked).json()["entries"]
    assert [(each["duration"], each["asflown"]) for each in windows] == [(4000, 0)] * 2
    target = {"target_id": entry["target_id"]}
    assert get(swift, "/swift/obsquery", **target).json()["entries"] == []
    planned = get(swift, "/swift/planquery", **target).json()["entries"]
    assert planned
    assert "settle" not in planned[0]
    swift.clock.advance(DAY)
    flown = get(swift, "/swift/obsquery", **target).json()["entries"]
    assert {each["obs_id"] for each in flown} == {f"{entry['target_id']:08d}001"}
    assert [each["asflown"] for each in get(swift, "/swift/calendar", **asked).json()["entries"]] == [4000, 0]
    swift.clock.advance(2 * DAY)
    assert get(swift, "/swift/too", **asked).json()["entries"][0]["done"] == 1
    assert get(swift, "/swift/planquery", **target).json()["entries"] == []


def test_a_refused_one_is_never_listed(swift: SwiftTooServer) -> None:
    too_id = post(swift, **at(sky.REFUSED)).json()["too_id"]
    swift.clock.advance(60 * DAY)
    assert get(swift, "/swift/too", too_id=too_id).json()["entries"] == []


def test_approval_can_be_hastened(swift: SwiftTooServer) -> None:
    configure(swift, approve_s=0)
    too_id = post(swift).json()["too_id"]
    assert len(get(swift, "/swift/too", too_id=too_id).json()["entries"]) == 1
    assert requests.post(f"{swift.url}/_config", json={"colour": 1}, timeout=10).status_code == 400


def test_justifications_are_for_their_owner(swift: SwiftTooServer) -> None:
    too_id = post(swift).json()["too_id"]
    swift.clock.advance(5 * HOUR)
    for headers, shown in (
        (session(swift), True),
        (session(swift, OTHER_USER, OTHER_SECRET), False),
        ({}, False),
    ):
        [entry] = get(swift, "/swift/too", headers, too_id=too_id, detail="true").json()["entries"]
        assert ("science_just" in entry) == shown
    [entry] = get(swift, "/swift/too", session(swift), too_id=too_id).json()["entries"]
    assert "science_just" not in entry
    assert get(swift, "/swift/too", too_id=too_id, username="anonymous").json()["entries"] == []


# -- other queries


@pytest.mark.parametrize(
    ("path", "query", "loc"),
    [
        ("/swift/too", {}, ["query"]),
        ("/swift/too", {"too_id": "x"}, ["query", "too_id"]),
        ("/swift/obsquery", {"radius": 1}, ["query"]),
        ("/swift/obsquery", {"begin": "soon"}, ["query", "begin"]),
        ("/swift/data", {"obs_id": "15102"}, ["query", "obs_id"]),
        ("/swift/data", {"obs_id": "00015102001", "uksdc": "true", "itsdc": "true"}, ["query", "uksdc"]),
        ("/swift/visquery", {"ra": 1}, ["query", "dec"]),
        ("/swift/uvot_mode", {"ra": 1, "dec": 1}, ["query", "uvot_mode"]),
        ("/swift/clock", {}, ["query"]),
    ],
)
def test_a_query_that_makes_no_sense(swift: SwiftTooServer, path: str, query: JSON, loc: list[str]) -> None:
    answer = get(swift, path, **query)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == loc


def test_observations_in_a_cone_and_their_files(swift: SwiftTooServer) -> None:
    ra, dec = sky.SN_2023IXF
    period: JSON = {"begin": "2023-05-01 00:00:00", "end": "2023-05-21 12:00:00"}
    entries = get(swift, "/swift/obsquery", ra=ra, dec=dec, radius=5 / 60, **period).json()["entries"]
    assert [each["obs_id"] for each in entries] == ["00032481002", "00016038001"]
    wide = get(swift, "/swift/obsquery", ra=ra, dec=dec, radius=0.2, **period).json()["entries"]
    assert len(wide) == 3
    files = get(swift, "/swift/data", obs_id="00016038001", xrt="true").json()["entries"]
    assert {each["path"] for each in files} == {
        f"00016038001/xrt/{each}" for each in ("event", "products", "hk")
    }
    content = requests.get(files[0]["url"], timeout=10).content
    assert files[0]["filename"].encode() in gzip.decompress(content)
    assert get(swift, "/swift/data", obs_id="00099999001", xrt="true").json()["entries"] == []


def test_visibility_modes_clock_and_names(swift: SwiftTooServer) -> None:
    week: JSON = {"begin": "2026-08-01 00:00:00", "end": "2026-08-08 00:00:00"}
    windows = get(swift, "/swift/visquery", ra=150.1, dec=2.2, **week).json()["windows"]
    assert windows == [{"begin": "2026-08-01T00:00:00", "end": "2026-08-08T00:00:00"}]
    modes = get(swift, "/swift/uvot_mode", uvot_mode=0x209A, ra=1, dec=1).json()["entries"]
    assert [each["filter_name"] for each in modes] == ["u", "b", "v"]
    ra, dec = sky.BRIGHT_STAR
    assert get(swift, "/swift/uvot_mode", uvot_mode=0x209A, ra=ra, dec=dec).status_code == 400
    [time] = get(swift, "/swift/clock", utctime="2001-01-01 00:00:00").json()["entries"]
    assert time["met"] == -time["utcf"]
    assert get(swift, "/resolve", name="SMC X-3").json()["resolver"] == "Simbad"
    assert get(swift, "/resolve", name="nothing").status_code == 400


# -- v1.2


def signed_token(data: JSON, name: str = "Swift_TOO_Requests", secret: str = DEMO_SECRET, **more: Any) -> str:
    content = {"api_name": name, "api_version": "1.2", "api_data": data, **more}
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, content)]
    text = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    raw = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def call(swift: SwiftTooServer, token: str) -> requests.Response:
    return requests.post(swift.extra_urls()["v1"], data={"jwt": token}, timeout=10)


def request_data(**changes: Any) -> JSON:
    names = {"target_name": "source_name", "target_type": "source_type"}
    numbers = {"ra": 150.1, "dec": 2.2, "urgency": 3, "opt_mag": 19.4, "exposure": 8000.0}
    numbers |= {"exp_time_per_visit": 4000.0, "num_of_visits": 2}
    flags = ("proposal", "tiling", "debug", "quiet", "validate_only")
    texts = {names.get(key, key): value for key, value in FORM.items() if key not in flags}
    return {**texts, **numbers, "xrt_mode": "PC", "obs_n": "multiple", "quiet": False, **changes}


@pytest.mark.parametrize(
    "token",
    [
        signed_token({"username": DEMO_USER, "limit": 1}, secret="wrong"),
        signed_token({"username": "nobody", "limit": 1}),
        signed_token({"username": DEMO_USER, "limit": 1}, iat=1),
        "not.a.token",
        "",
    ],
)
def test_a_token_that_is_none(swift: SwiftTooServer, token: str) -> None:
    answer = call(swift, token)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(answer.text)


def test_a_signed_request_is_queued_and_then_taken(swift: SwiftTooServer) -> None:
    token = signed_token(request_data(), "Swift_TOO_Request")
    first, second = call(swift, token), call(swift, token)
    assert first.text.startswith("\n")
    assert json.loads(first.text)["api_data"]["status"] == "Queued"
    assert json.loads(second.text)["api_data"]["too_id"] == 22682
    job = json.loads(first.text)["api_data"]["jobnumber"]
    asked = call(swift, signed_token({"username": DEMO_USER, "jobnumber": job}, "Swift_TOO_Status"))
    assert json.loads(asked.text)["api_data"]["status"] == "Accepted"
    assert len(swift.book.toos) == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"urgency": "3"}, "urgency: wrong type"),
        ({"quiet": "false"}, "quiet: wrong type"),
        ({"obs_n": "single"}, "obs_n does not fit num_of_visits"),
        ({"uvot_just": ""}, "Must specify UVOT justification if UVOT mode"),
        ({"exposure": 1.0}, "must be exp_time_per_visit times num_of_visits"),
    ],
)
def test_a_signed_request_that_breaks_a_rule(swift: SwiftTooServer, changes: JSON, error: str) -> None:
    configure(swift, queued_looks=0)
    answer = call(swift, signed_token(request_data(**changes), "Swift_TOO_Request"))
    data = json.loads(answer.text)["api_data"]
    assert (answer.status_code, data["status"]) == (200, "Rejected")
    assert data["errors"][0].startswith(error)
    configure(swift, signed_refuse_with_400=True)
    assert call(swift, signed_token(request_data(**changes), "Swift_TOO_Request")).status_code == 400


def test_another_version_and_another_name(swift: SwiftTooServer) -> None:
    old = call(swift, signed_token({"username": DEMO_USER}, api_version="1.1"))
    assert json.loads(old.text)["api_data"]["errors"] == ["API version mismatch."]
    odd = call(swift, signed_token({"username": DEMO_USER}, "Swift_TOO"))
    assert json.loads(odd.text)["api_data"]["errors"] == ["Unknown api_name: Swift_TOO"]
    hangs = call(swift, signed_token(request_data(slew_in_place=False), "Swift_TOO_Request"))
    assert hangs.status_code == 504
    by_get = requests.get(
        swift.extra_urls()["v1"],
        params={"jwt": signed_token({"username": DEMO_USER, "limit": 1})},
        timeout=10,
    )
    assert json.loads(by_get.text)["api_data"]["entries"] == []
