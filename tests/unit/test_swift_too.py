"""Swift: what is accepted, and the exact requests that follow in both protocols; no server involved."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from slew.errors import Invalid
from slew.facility import HttpLink, Link, MailLink, Submission
from slew.models import Target
from slew.redact import Redactor
from slew.validation import parse
from slew.wire import Answer, HttpRequest
from swift_too.answers import duplicate_of
from swift_too.facility import SwiftToo
from swift_too.models import SwiftTooAltdata, SwiftTooPayload
from swift_too.records import Entry, File, Snapshot, Window
from swift_too.rest import Rest, Sessions
from swift_too.signed import Signed, sign, token
from swift_too.target_of_opportunity import TooPayload
from swift_too.values import UVOT_MODES
from tests.swift_too_bench import BRIGHT, DATA, WORDS, altdata_of, known, order_of

JSON = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "data"
OFFICIAL = {
    version: json.loads((FOLDER / "swift_too" / f"{version}.json").read_text()) for version in ("v2", "v1.2")
}
PEER: list[JSON] = json.loads((FOLDER / "peer" / "swift_too.json").read_text())
BASE, SIGNED = "https://swift.example/api/v2", "https://swift.example/toop/submit_json.php"
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
ACCEPTED: JSON = {"status": "Accepted", "too_id": 22682, "jobnumber": 1, "errors": [], "warnings": []}


class Scripted:
    """An HTTP link that answers everything alike, as a login too, and keeps what it was sent."""

    def __init__(self, content: Any = None) -> None:
        self.body = json.dumps({**ACCEPTED, "entries": []} if content is None else content).encode()
        self.sent: list[HttpRequest] = []

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        self.sent.append(request)
        return Answer(200, {}, self.body, set_cookies=("other=1; Path=/", "session=opaque; Path=/; HttpOnly"))

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        return self.send(request)


@pytest.fixture(autouse=True)
def _addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SWIFT_TOO_URL", BASE)
    monkeypatch.setenv("SLEW_SWIFT_TOO_V1_URL", SIGNED)
    monkeypatch.delenv("SLEW_SWIFT_TOO_PROTOCOL", raising=False)


def link_to(http: Scripted) -> Link:
    return Link(cast(HttpLink, http), cast(MailLink, None))


def too_of(**fields: Any) -> TooPayload:
    payload = parse(SwiftTooPayload, {**BRIGHT, **fields}, ["payload"]).root
    assert isinstance(payload, TooPayload)
    return payload


def errors_of(payload: Mapping[str, Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(SwiftTooPayload, dict(payload), ["payload"])
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


def form_of(target: JSON | None = None, **fields: Any) -> dict[str, str]:
    payload = {**BRIGHT, **fields}
    order = order_of(NOW, payload, target or {"name": "SN 2026zz", "ra": 10.5, "dec": -5.25})
    request = SwiftToo().prepare(order, link_to(Scripted())).http()
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


def data_in(jwt: str) -> JSON:
    part = jwt.split(".")[1]
    content: JSON = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return content


# -- credentials


def test_the_secret_by_either_name() -> None:
    for name in ("secret", "shared_secret"):
        altdata = parse(SwiftTooAltdata, {"username": "rubin_too", name: "7c1f-Q2-example"})
        assert altdata.secret.get_secret_value() == "7c1f-Q2-example"
        assert "7c1f" not in repr(altdata)
    altdata = parse(SwiftTooAltdata, {"username": "u", "secret": "s", "XRT_UserID": "observer1@example.org"})
    assert not altdata.allow_urgent


@pytest.mark.parametrize(
    ("altdata", "field"),
    [
        ({"username": "", "secret": "s"}, "username"),
        ({"secret": "s"}, "username"),
        ({"username": "u"}, "secret"),
        ({"username": "u", "secret": ""}, "secret"),
        ({"username": "u", "secret": "x" * 201}, "secret"),
        ({"username": "two\nlines", "secret": "s"}, "username"),
    ],
)
def test_credentials_that_cannot_be(altdata: JSON, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(SwiftTooAltdata, altdata, ["altdata"])
    assert caught.value.errors[0].loc == ("altdata", field)


# -- the payload


def test_the_defaults_are_those_of_the_card() -> None:
    payload = too_of()
    assert (payload.exposure_time, payload.exposure_counts, payload.monitoring_freq) == (4000.0, 1, "1 days")
    assert (payload.urgency, payload.obs_type, payload.uvot_mode) == ("3", "Light Curve", "0x9999")
    assert (payload.source_type, payload.instrument, payload.xrt_mode) == (
        "Optical fast transient",
        "XRT",
        "PC",
    )


@pytest.mark.parametrize(("mode", "text"), UVOT_MODES.items())
def test_a_uvot_mode_by_label_and_by_number(mode: str, text: str) -> None:
    for given in (mode, f"{mode} - {text}"):
        assert too_of(uvot_mode=given, uvot_just="because").uvot_mode == mode


def test_other_spellings() -> None:
    assert too_of(uvot_mode="0x30d5", uvot_just="four filters").uvot_mode == "0x30d5"
    for urgency in (2, "2", " 2 "):
        assert too_of(urgency=urgency).urgency == "2"
    for code, name in ((7, "PC"), (6, "WT"), (0, "Auto"), ("Auto", "Auto"), (255, "Manual")):
        assert too_of(xrt_mode=code).xrt_mode == name
    assert too_of(number_of_tiles=4).number_of_tiles == "4"
    assert too_of(bat_countrate=0.5).bat_countrate == "0.5"
    assert too_of(proposal_id=1922001).proposal_id == "1922001"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (1, "1 days"),
        (1.0, "1 days"),
        (10, "10 days"),
        (100.0, "100 days"),
        (0.5, "0.5 days"),
        (1e-05, "0.00001 days"),
        ("3 orbits", "3 orbits"),
        ("1 week", "1 week"),
        ("0.5 day", "0.5 day"),
        ("36 hours", "36 hours"),
    ],
)
def test_cadences(given: Any, sent: str) -> None:
    assert too_of(monitoring_freq=given).monitoring_freq == sent


@pytest.mark.parametrize(
    "given", [0, -1, "0 days", "daily", "2", "2 fortnights", "days 2", "", "-1 days", True, float("nan")]
)
def test_cadences_that_cannot_be(given: Any) -> None:
    [(field, text)] = errors_of({**BRIGHT, "monitoring_freq": given}).items()
    assert field == "payload.monitoring_freq"
    assert isinstance(given, bool) or text.startswith("Monitoring frequency in incorrect format.")


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"exp_time_just": None}, "exp_time_just", "Missing required field: exp_time_just"),
        ({"science_just": None}, "science_just", "Missing required field: science_just"),
        ({"immediate_objective": None}, "immediate_objective", ""),
        ({"science_just": "  "}, "science_just", "1 character"),
        ({"xrt_countrate": None}, "opt_mag", "at least one brightness value"),
        ({"xrt_countrate": None, "opt_mag": 19.0}, "opt_filt", "ensure filter is set"),
        ({"opt_mag": 19.0}, "opt_filt", "ensure filter is set"),
        ({"xrt_countrate": None, "opt_filt": "r"}, "opt_mag", "brightness"),
        ({"xrt_countrate": -0.1}, "xrt_countrate", "greater than or equal to 0"),
        ({"source_type": "GRB"}, "grb_triggertime", "Must specify GRB trigger time and detector"),
        (
            {"source_type": "GRB", "grb_triggertime": "2026-08-01 01:02:03"},
            "grb_detector",
            "Must specify GRB trigger time and detector if source type is GRB.",
        ),
        ({"grb_triggertime": "yesterday"}, "grb_triggertime", "YYYY-MM-DD HH:MM:SS"),
        ({"uvot_mode": "0x30ed"}, "uvot_just", "Must specify UVOT justification"),
        ({"uvot_mode": "whatever"}, "uvot_mode", "hexadecimal"),
        ({"uvot_mode": "0x30ed - White"}, "uvot_mode", "hexadecimal"),
        ({"monitoring_freq": None}, "monitoring_freq", "Must specify monitoring frequency if number"),
        ({"exposure_time": None}, "exposure_time", "Must specify exposure time per visit if number"),
        ({"exposure_time": 0}, "exposure_time", "greater than 0"),
        ({"exposure_time": 100.5}, "exposure_time", "whole number of seconds"),
        ({"exposure_counts": 0}, "exposure_counts", "greater than or equal to 1"),
        ({"exposure_counts": 1.5}, "exposure_counts", "integer"),
        ({"exposure_time": "4000"}, "exposure_time", "number, not text"),
        ({"urgency": 5}, "urgency", "Input should be 0, 1, 2, 3 or 4"),
        ({"urgency": "soon"}, "urgency", "Input should be 0, 1, 2, 3 or 4"),
        ({"urgency": True}, "urgency", ""),
        ({"obs_type": "Imaging"}, "obs_type", "'Spectroscopy'"),
        (
            {"proposal": True, "proposal_trigger_just": "Bright enough"},
            "proposal_id",
            "Must specify proposal ID and PI if GI proposal.",
        ),
        ({"poserr": -1}, "poserr", "greater than or equal to 0"),
        ({"tiling": True}, "tiling_justification", "Must specify tiling justification if tiling is True."),
        ({"number_of_tiles": 5}, "number_of_tiles", "'4'"),
        ({"xrt_mode": 11}, "xrt_mode", "'PC'"),
        ({"instrument": "LAT"}, "instrument", "'BAT'"),
        ({"exposure": 4000}, "exposure", "not a field"),
        ({"request_type": "XRT API"}, "request_type", "swift_xrt"),
        ({"request_type": "X"}, "request_type", "'XRT/UVOT/BAT Data'"),
        ({"request_type": ["X"]}, "request_type", "'XRT/UVOT/BAT Data'"),
    ],
)
def test_every_rule_names_its_field(fields: JSON, field: str, text: str) -> None:
    found = errors_of({**BRIGHT, **fields})
    assert list(found) == [f"payload.{field}"]
    assert text in found[f"payload.{field}"]


def test_a_programme_needs_all_three() -> None:
    full = {
        "proposal": True,
        "proposal_id": "1922001",
        "proposal_pi": "PI",
        "proposal_trigger_just": "Bright enough",
    }
    assert too_of(**full).proposal
    for name in ("proposal_id", "proposal_pi", "proposal_trigger_just"):
        assert list(errors_of({**BRIGHT, **full, name: None})) == [f"payload.{name}"]


@pytest.mark.parametrize(
    "brightness", [{"bat_countrate": 1}, {"other_brightness": "1 Crab"}, {"xrt_countrate": 0}]
)
def test_any_brightness_will_do(brightness: JSON) -> None:
    assert parse(SwiftTooPayload, {**WORDS, "xrt_countrate": None, **brightness})


def test_the_count_rate_is_the_card_s_where_none_is_given() -> None:
    assert too_of(**WORDS).xrt_countrate == 0.0025
    assert too_of(**WORDS, bat_countrate=1, xrt_countrate=None).xrt_countrate is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"end_date": "2023-05-01 00:00:00"}, "end_date"),
        ({"start_date": None}, "start_date"),
        ({"end_date": "2023-06-01"}, "end_date"),
        ({"XRT": 1}, "XRT"),
        ({"urgency": "3"}, "urgency"),
    ],
)
def test_an_archive_search_has_rules_of_its_own(fields: JSON, field: str) -> None:
    assert list(errors_of({**DATA, **fields})) == [f"payload.{field}"]


@pytest.mark.parametrize(
    "name",
    ["exposure_time", "exposure_counts", "opt_mag", "xrt_countrate", "poserr", "exposure_time_per_tile"],
)
def test_text_and_flags_are_no_numbers(name: str) -> None:
    for wrong in ("1", True, False, "", "NaN"):
        assert f"payload.{name}" in errors_of({**BRIGHT, "opt_filt": "r", name: wrong})


@pytest.mark.parametrize("name", ["proposal", "tiling", "slew_in_place", "debug", "validate_only"])
def test_text_and_numbers_are_no_flags(name: str) -> None:
    for wrong in ("yes", 1, "true"):
        assert list(errors_of({**BRIGHT, name: wrong})) == [f"payload.{name}"]


def test_every_field_is_described() -> None:
    document = SwiftTooPayload.model_json_schema()
    assert set(document["$defs"]) == {"TooPayload", "DataPayload"}
    assert len(document["anyOf"]) == 2
    for model in document["$defs"].values():
        assert all({"title", "description"} <= set(each) for each in model["properties"].values())
        assert model["additionalProperties"] is False
    assert document["$defs"]["TooPayload"]["required"] == [
        "exp_time_just",
        "immediate_objective",
        "science_just",
    ]


# -- the wire, as the official client has it


def recorded(version: str, key: str) -> list[Any]:
    entries = [each for each in OFFICIAL[version]["recordings"] if key in each]
    return [pytest.param(each, id=each["name"]) for each in entries]


def too_posts(recording: JSON) -> list[JSON]:
    return [each for each in recording["sent"] if not each["path"].endswith("/login")]


def sent_for(recording: JSON) -> list[HttpRequest]:
    http = Scripted()
    link, facility = link_to(http), SwiftToo()
    order = order_of(NOW, recording["payload"], recording["target"])
    facility.submit(order, facility.prepare(order, link), link)
    return http.sent


@pytest.mark.parametrize("recording", recorded("v2", "payload"))
def test_the_bytes_of_a_too_are_those_of_swifttools_4(recording: JSON) -> None:
    login, ours = sent_for(recording)
    [theirs] = too_posts(recording)
    assert ours.url == f"{BASE}/swift/too"
    assert (ours.method, ours.body.decode()) == (theirs["method"], theirs["body"])
    assert theirs["headers"].items() <= ours.headers.items()
    [logged_in] = [
        each for each in OFFICIAL["v2"]["recordings"][0]["sent"] if each["path"].endswith("/login")
    ]
    assert (login.url, login.body.decode()) == (f"{BASE}/login", logged_in["body"])
    assert login.headers["Content-Type"] == logged_in["headers"]["Content-Type"]


@pytest.mark.parametrize("recording", recorded("v1.2", "payload"))
def test_the_bytes_of_a_too_are_those_of_swifttools_3(
    recording: JSON, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", "v1.2")
    [ours] = sent_for(recording)
    [theirs] = recording["sent"]
    assert (ours.method, ours.url) == (theirs["method"], SIGNED)
    assert data_in(ours.body.decode()) == data_in(theirs["body"])
    assert ours.body.decode() == theirs["body"]
    assert theirs["headers"].items() <= ours.headers.items()


def ask(service: Rest | Signed, name: str, query: JSON) -> None:
    target = Target(name="x", ra=query.get("ra", 0.0), dec=query.get("dec", 0.0))
    if name == "requests":
        service.requests({"too_id": query["too_id"]})
    elif name == "calendar":
        service.calendar(query["too_id"])
    elif name == "observations of a target":
        service.observations(service.of_target(query["target_id"]))
    elif name == "observations in a cone":
        begin, end = (datetime.fromisoformat(query[each]).replace(tzinfo=UTC) for each in ("begin", "end"))
        service.observations(service.in_cone(target, query["radius"], begin, end))
    else:
        service.files(query["obs_id"], {"xrt": True, "uvot": True})


@pytest.mark.parametrize("recording", recorded("v2", "query"))
def test_queries_are_those_of_swifttools_4(recording: JSON) -> None:
    http = Scripted()
    ask(Rest(altdata_of(), "a", link_to(http), Sessions()), recording["name"], recording["query"])
    [ours], [theirs] = http.sent, recording["sent"]
    # The client sends its user's name, by which the server would list that user's requests alone (card).
    expected = [each for each in parse_qsl(theirs["query"]) if each != ("username", "anonymous")]
    assert (ours.method, urlsplit(ours.url).path) == (theirs["method"], theirs["path"])
    assert sorted(parse_qsl(urlsplit(ours.url).query)) == sorted(expected)
    assert "Cookie" not in ours.headers


@pytest.mark.parametrize("recording", recorded("v1.2", "query"))
def test_queries_are_those_of_swifttools_3(recording: JSON) -> None:
    http = Scripted({"api_version": "1.2", "api_data": {"entries": [], "status": "Accepted"}})
    ask(Signed(altdata_of(), link_to(http)), recording["name"], recording["query"])
    [ours], [theirs] = http.sent, recording["sent"]
    ours_data, theirs_data = data_in(ours.body.decode()), data_in(theirs["body"])
    if recording["name"] == "requests":  # the client leaves the user's name in, and so do we: it signs
        assert theirs_data["api_data"]["username"] == "rubin_too"
    assert ours_data == theirs_data


def test_the_versions_of_the_client_are_named() -> None:
    assert OFFICIAL["v2"]["client"] == "swifttools 4.0.5"
    assert OFFICIAL["v1.2"]["client"] == "swifttools 3.0.23"


@pytest.mark.parametrize("recording", PEER, ids=lambda each: each["name"])
def test_the_same_facts_as_the_peer_in_the_protocol_that_it_speaks(
    recording: JSON, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its look-up of the name (`Swift_Resolve`), which changes nothing, nor its other page (card)."""
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", "v1.2")
    [(_, _, _, answer)] = recording["facility_answered"]
    http = Scripted(json.loads(answer))
    link, facility = link_to(http), SwiftToo()
    position = recording["target"]
    target = {"name": position["id"], "ra": position["ra"], "dec": position["dec"]}
    altdata = parse(SwiftTooAltdata, recording["altdata"])
    order = order_of(NOW, recording["payload"], target, altdata)
    submission = facility.submit(order, facility.prepare(order, link), link)
    [ours] = http.sent
    resolved, theirs = recording["peer"]["sent"]
    assert data_in(parse_qs(resolved["body"])["jwt"][0])["api_name"] == "Swift_Resolve"
    assert ours.body.decode() == f"jwt={theirs['data']['jwt']}"
    assert (submission.facility_request_id, submission.status.value) == ("17000", recording["peer"]["status"])


@pytest.mark.parametrize("recording", PEER, ids=lambda each: each["name"])
def test_the_same_facts_as_the_peer_in_v2(recording: JSON) -> None:
    """The peer's protocol is the former one: the same values go under v2's names (card)."""
    theirs = data_in(recording["peer"]["sent"][1]["data"]["jwt"])["api_data"]
    position = recording["target"]
    form = form_of(
        {"name": position["id"], "ra": position["ra"], "dec": position["dec"]}, **recording["payload"]
    )
    renamed = {"source_name": "target_name", "source_type": "target_type"}
    for name, value in theirs.items():
        if name in ("username", "obs_n", "quiet", "poserr", "xrt_mode"):
            continue  # the account's, not of v2, other default, by name
        ours = form[renamed.get(name, name)]
        assert ours == str(value) or float(ours) == value
    assert (form["xrt_mode"], form["quiet"]) == ("7", "true")


# -- the wire, field by field


@pytest.mark.parametrize(
    ("fields", "key", "value"),
    [
        ({"exposure_time": 100, "exposure_counts": 3}, "exposure", "300"),
        ({"exposure_time": 100, "exposure_counts": 3}, "exp_time_per_visit", "100.0"),
        ({"poserr": 2}, "poserr", "2.0"),
        ({"xrt_mode": "Auto"}, "xrt_mode", "0"),
        ({"bat_countrate": 7}, "bat_countrate", "7"),
        ({"urgency": 4}, "urgency", "4"),
        ({"debug": True}, "debug", "true"),
        ({"validate_only": True}, "validate_only", "true"),
        ({"tiling": True, "tiling_justification": "large"}, "tiling", "true"),
        ({"exposure_time_per_tile": 500}, "exposure_time_per_tile", "500.0"),
        ({"grb_triggertime": "2026-08-01T01:02:03Z"}, "grb_triggertime", "2026-08-01T01:02:03"),
        ({"grb_triggertime": "2026-08-01 01:02:03.5"}, "grb_triggertime", "2026-08-01T01:02:03.500000"),
        ({"slew_in_place": False}, "slew_in_place", None),
        ({}, "poserr", None),
        ({}, "opt_mag", None),
        ({}, "uvot_just", ""),
    ],
)
def test_a_field_of_the_form(fields: JSON, key: str, value: str | None) -> None:
    assert form_of(**fields).get(key) == value


def test_the_signer_gives_the_cards_token() -> None:
    unsigned = token("Swift_TOO_Requests", {"username": "rubin_too", "too_id": 22682})
    assert sign(unsigned, SecretStr("7c1f-Q2-example")) == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJhcGlfbmFtZSI6IlN3aWZ0X1RPT19SZXF1ZXN0cyIsImFwaV92ZXJzaW9uIjoiMS4yIiwiYXBpX2RhdGEiOnsidXNlcm5hbWU"
        "iOiJydWJpbl90b28iLCJ0b29faWQiOjIyNjgyfX0.PheE5lY7tvIfr9_SJqPTqM09f6mPHL70c2y067wF1ds"
    )


@pytest.mark.parametrize(
    ("fields", "key", "value"),
    [
        ({}, "obs_n", "single"),
        ({"exposure_counts": 2}, "obs_n", "multiple"),
        ({"slew_in_place": False}, "slew_in_place", None),
        ({"slew_in_place": True}, "slew_in_place", True),
        ({"bat_countrate": "faint"}, "bat_countrate", "faint"),
        ({"number_of_tiles": "Other"}, "number_of_tiles", "Other"),
        ({"number_of_tiles": "37"}, "number_of_tiles", 37),
        ({}, "poserr", 0.0),
        ({}, "proposal", None),
        ({}, "tiling", None),
    ],
)
def test_a_field_of_the_token(fields: JSON, key: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", "v1.2")
    order = order_of(NOW, {**BRIGHT, **fields})
    request = SwiftToo().prepare(order, link_to(Scripted())).http()
    assert data_in(request.body.decode())["api_data"].get(key) == value


# -- what comes back


@pytest.mark.parametrize(
    ("reason", "too_id"),
    [
        ("TOO already recently submitted. TOO ID: 13837", 13837),
        ("first; TOO already recently submitted. TOO ID: 7", 7),
        ("Too faint. TOO ID: 5", None),
        ("", None),
    ],
)
def test_the_number_in_the_words_of_the_guard(reason: str, too_id: int | None) -> None:
    assert duplicate_of(reason) == too_id


def test_entries_are_read_whatever_their_kinds() -> None:
    entry = Entry.read(
        {"too_id": "22682", "done": "1", "ra": "150.1", "dec": None, "timestamp": "2026-08-01 12:04:44"}
    )
    assert (entry.too_id, entry.done, entry.ra, entry.dec) == (22682, True, 150.1, None)
    assert entry.made_at == datetime(2026, 8, 1, 12, 4, 44, tzinfo=UTC)
    odd = Entry.read({"too_id": [], "done": {}, "ra": "x", "timestamp": 5, "date_end": "soon"})
    assert (odd.too_id, odd.done, odd.ra, odd.made_at, odd.last_day) == (None, False, None, None, None)
    assert Window.read({"begin": "2026-08-02T00:00:00"}) is None
    assert File.read({"filename": "", "url": "https://x.example/"}) is None


@pytest.mark.parametrize(
    ("shown", "obs_id"),
    [
        ({"obs_id": "00015102001"}, "00015102001"),
        ({"obs_id": 15102 + (1 << 24)}, "00015102001"),
        ({"obs_id": str(15102 + (12 << 24))}, "00015102012"),
        ({"targetid": 15102, "seg": 3}, "00015102003"),
        ({"target_id": "15102", "segment": "3"}, "00015102003"),
        ({"target_id": 15102}, None),
        ({"obs_id": "x"}, None),
    ],
)
def test_the_number_of_an_observation(shown: JSON, obs_id: str | None) -> None:
    times = {"begin": "2026-08-02T03:11:02", "settle": "2026-08-02T03:13:41", "end": "2026-08-02 03:38:56"}
    snapshot = Snapshot.read({**times, **shown})
    assert (snapshot.obs_id if snapshot else None) == obs_id
    assert snapshot is None or snapshot.exposure_s == 1515.0


def test_a_cookie_is_taken_from_among_others() -> None:
    http = Scripted()
    link, facility = link_to(http), SwiftToo()
    order = order_of(NOW)
    submission = facility.submit(order, facility.prepare(order, link), link)
    assert http.sent[1].headers["Cookie"] == "session=opaque"
    assert isinstance(known(order, submission).facility_data["too_id"], int)
    assert isinstance(submission, Submission)
    assert "opaque" not in repr(submission) + repr(Redactor().headers(http.sent[1].headers))
