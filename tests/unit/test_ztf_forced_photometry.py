"""IPAC's ZTF forced photometry: what is accepted, the exact request, and what pages mean; no server."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.ztf_forced_photometry import form
from slew.errors import Invalid, Rejected
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order
from slew.models import Requester, Target
from slew.validation import parse
from slew.wire import Answer, HttpRequest
from ztf_forced_photometry.facility import ZtfForcedPhotometry, ZtfOrder
from ztf_forced_photometry.models import (
    CENTROID,
    SOURCE,
    ZtfForcedPhotometryAltdata,
    ZtfForcedPhotometryPayload,
)

JSON = dict[str, Any]
RECORDINGS: list[JSON] = json.loads(
    (Path(__file__).parents[1] / "data" / "peer" / "ztf_forced_photometry.json").read_text()
)
BASE = "https://ztfweb.ipac.caltech.edu"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST, LAST = datetime.fromisoformat("2018-03-18"), datetime.fromisoformat("2100-01-01")
DATES = {"start_date": "2026-11-01 00:00:00", "end_date": "2026-11-20 12:00:00"}
ALTDATA = {
    "ipac_http_user": "ztffps",
    "ipac_http_password": "shared-word",
    "ipac_email": "observer1@example.org",
    "ipac_userpass": "a+b&c=d e",
}
ECHO = (
    "<table><tr><th>ra</th> <th>dec</th> <th>jdstart</th> <th>jdend</th> <th>email</th></tr>"
    "<tr><td> {ra}</td> <td>   {dec}</td> <td>{jdstart}</td> <td>{jdend}</td> <td>x</td></tr></table>"
)


class Scripted:
    """An HTTP link: the job table is down, and a submission gets one prepared answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent: list[HttpRequest] = []

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        self.sent.append(request)
        return self.answer

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        return Answer(503, {}, b"")


def link_to(answer: Answer | None = None) -> tuple[Link, Scripted]:
    http = Scripted(answer or Answer(500, {}, b""))
    return Link(cast(HttpLink, http), cast(MailLink, None)), http


def payload_of(**fields: Any) -> ZtfForcedPhotometryPayload:
    return parse(ZtfForcedPhotometryPayload, {**DATES, **fields}, ["payload"])


def order_of(
    payload: Mapping[str, Any] | None = None,
    target: Mapping[str, Any] | None = None,
    altdata: Mapping[str, Any] | None = None,
) -> ZtfOrder:
    return Order(
        request_id="101",
        instrument=None,
        target=Target(**{"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651, **(target or {})}),
        payload=payload_of(**(payload or {})),
        altdata=parse(ZtfForcedPhotometryAltdata, altdata or ALTDATA),
        allocation=AllocationFacts("ipac", "PI of the proposal", "transients"),
        requester=Requester(),
        now=NOW,
        created_at=NOW,
    )


def query_of(order: ZtfOrder) -> dict[str, str]:
    request = ZtfForcedPhotometry().prepare(order, link_to()[0]).http()
    assert request.method == "GET"
    assert request.url.startswith(f"{BASE}/cgi-bin/requestForcedPhotometry.cgi?")
    return {name: value for name, [value] in parse_qs(urlsplit(request.url).query).items()}


def errors_of(**fields: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(ZtfForcedPhotometryPayload, {k: v for k, v in fields.items() if v != "absent"}, ["payload"])
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


# -- credentials


@pytest.mark.parametrize("field", list(ALTDATA))
def test_all_four_credentials_are_needed(field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(ZtfForcedPhotometryAltdata, {k: v for k, v in ALTDATA.items() if k != field}, ["altdata"])
    assert caught.value.errors[0].loc == ("altdata", field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ipac_http_user", ""),
        ("ipac_http_user", "a:b"),
        ("ipac_http_password", "abc"),
        ("ipac_http_password", "a\nbcd"),
        ("ipac_userpass", "x" * 201),
        ("ipac_userpass", 12345),
        ("ipac_email", "observer1"),
        ("ipac_email", "two words@example.org"),
        ("ipac_email", "a@b, c@d"),
    ],
)
def test_a_credential_that_cannot_be_is_refused_and_not_repeated(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        parse(ZtfForcedPhotometryAltdata, {**ALTDATA, field: value}, ["altdata"])
    assert caught.value.errors[0].loc == ("altdata", field)
    assert not value or str(value) not in caught.value.detail


def test_the_triggering_token_beside_them_is_ignored_and_kept_secret() -> None:
    altdata = parse(ZtfForcedPhotometryAltdata, {**ALTDATA, "access_token": "kowalski-token"})
    assert "kowalski-token" not in repr(altdata)
    secret = {
        name
        for name, field in ZtfForcedPhotometryAltdata.model_json_schema()["properties"].items()
        if "writeOnly" in json.dumps(field) and name.startswith(("ipac", "access"))
    }
    assert secret == {"ipac_http_password", "ipac_userpass", "access_token"}


# -- payload


def test_the_defaults_are_the_cards() -> None:
    payload = payload_of()
    assert (payload.request_type, payload.position) == ("forced_photometry", SOURCE)
    assert payload.procstatus_drop == (56, 60, 61)
    assert (payload.jdstart, payload.jdend) == (2461345.5, 2461365.0)
    assert payload_of(start_date="2026-02-10", end_date="2026-03-12T00:00Z").jdstart == 2461081.5


def test_missing_dates_are_named() -> None:
    assert errors_of() == {
        "payload.start_date": "start_date is a required parameter",
        "payload.end_date": "end_date is a required parameter",
    }


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"end_date": "2026-11-01"}, "end_date", "later than start_date"),
        ({"end_date": "2026-11-01 00:00:00.04"}, "end_date", "later than start_date"),
        ({"end_date": "2026-10-01"}, "end_date", "later than start_date"),
        ({"start_date": "2017-01-01", "end_date": "2018-03-17"}, "end_date", "2018-03-17"),
        ({"start_date": "20261101"}, "start_date", "YYYY-MM-DD"),
        ({"start_date": 61345}, "start_date", "YYYY-MM-DD"),
        ({"request_type": "triggered"}, "request_type", "forced_photometry"),
        ({"position": "Source"}, "position", "Source (object's coordinates)"),
        ({"procstatus_drop": [99]}, "procstatus_drop", "56"),
        (
            {"baseline_before": "2026-02-01", "baseline_after": "2026-01-01"},
            "baseline_after",
            "not be before",
        ),
        ({"photometry": [{"ra": 400.0}]}, "photometry", "360"),
        ({"photometry": [{"magnitude": 3}]}, "photometry", "not a field"),
        ({"exposure_time": 30}, "exposure_time", "not a field"),
        ({"combine_nights": "yes"}, "combine_nights", "true or false"),
    ],
)
def test_every_limit_is_named(fields: JSON, field: str, text: str) -> None:
    found = errors_of(**{**DATES, **fields})
    [(place, said)] = found.items()
    assert place.startswith(f"payload.{field}")
    assert text in said


def test_every_field_is_described() -> None:
    schema = ZtfForcedPhotometryPayload.model_json_schema()
    assert schema["required"] == ["start_date", "end_date"]
    for part in (schema, *schema["$defs"].values()):
        assert all({"title", "description"} <= set(field) for field in part["properties"].values())


@given(st.text(max_size=30))
def test_no_text_breaks_the_dates(text: str) -> None:
    with contextlib.suppress(Invalid):
        parse(ZtfForcedPhotometryPayload, {"start_date": text, "end_date": text})
        pytest.fail("equal dates are never accepted")


# -- the request


def test_the_request_of_a_position() -> None:
    order = order_of()
    assert query_of(order) == {
        "ra": "210.910675",
        "dec": "54.311651",
        "jdstart": "2461345.500000",
        "jdend": "2461365.000000",
        "email": "observer1@example.org",
        "userpass": "a+b&c=d e",
    }
    request = ZtfForcedPhotometry().prepare(order, link_to()[0]).http()
    login = base64.b64encode(b"ztffps:shared-word").decode()
    assert request.headers == {"Authorization": f"Basic {login}"}
    assert "email=observer1%40example.org&userpass=a%2Bb%26c%3Dd%20e" in request.url


@pytest.mark.parametrize(
    ("ra", "dec", "sent"),
    [
        (359.99999999, -1e-9, ("0.000000", "0.000000")),
        (0.0, -90.0, ("0.000000", "-90.000000")),
        (1e-7, 89.9999999, ("0.000000", "90.000000")),
    ],
)
def test_six_decimals_never_leave_the_sphere(ra: float, dec: float, sent: tuple[str, str]) -> None:
    query = query_of(order_of(target={"ra": ra, "dec": dec}))
    assert (query["ra"], query["dec"]) == sent


def test_notes_say_what_the_service_will_do() -> None:
    def notes(**more: Any) -> tuple[str, ...]:
        return ZtfForcedPhotometry().prepare(order_of(**more), link_to()[0]).notes

    assert notes() == ()
    assert "2018-03-17" in notes(payload={"start_date": "2018-01-01"})[0]
    assert "-31 deg" in notes(target={"dec": -40.0})[0]
    point = {"ra": 210.9107, "dec": 54.3117, "flux": 10, "fluxerr": 1}
    assert "arcsec from the target's" in notes(payload={"position": CENTROID, "photometry": [point]})[0]


@settings(max_examples=50)
@given(
    st.floats(0, 360, exclude_max=True),
    st.floats(-90, 90),
    st.datetimes(FIRST, LAST),
    st.timedeltas(timedelta(seconds=1), timedelta(days=4000)),
    st.sampled_from(["T", " "]),
)
def test_any_accepted_request_is_one_that_the_simulator_takes(
    ra: float, dec: float, start: datetime, length: timedelta, separator: str
) -> None:
    dates = {"start_date": start.isoformat(separator), "end_date": (start + length).isoformat(separator)}
    sent = query_of(order_of(dates, {"ra": ra, "dec": dec}))
    assert all(len(sent[name].partition(".")[2]) == 6 for name in ("ra", "dec", "jdstart", "jdend"))
    taken = form.position(sent)
    assert abs((taken[0] - ra + 180) % 360 - 180) < 1e-6
    assert abs(taken[1] - dec) < 1e-6
    assert abs((taken[3] - taken[2]) * 86400 - length.total_seconds()) < 0.1


# -- the peer's recordings


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording["name"])
def test_the_same_facts_are_sent_as_the_peer_sends(recording: JSON) -> None:
    """Beside six decimals, which the card wants, the peer differs in taking any page for a success."""
    where = recording["target"]
    target = {"name": where["id"], "ra": where["ra"], "dec": where["dec"]}
    order = order_of(recording["payload"], target, recording["altdata"])
    [theirs] = recording["peer"]["sent"]
    page = recording["facility_answered"][1]
    link, http = link_to(Answer(page[2], {}, page[3].encode()))
    facility = ZtfForcedPhotometry()
    with pytest.raises(Rejected, match=r"^ok$"):  # peer: `submitted`
        facility.submit(order, facility.prepare(order, link), link)
    [ours] = http.sent
    assert ours.method == theirs["method"]
    ours_at, theirs_at = urlsplit(ours.url), urlsplit(theirs["url"])
    assert (ours_at.netloc, ours_at.path) == (theirs_at.netloc, theirs_at.path)
    sent, expected = parse_qs(ours_at.query), parse_qs(theirs_at.query)
    assert set(sent) == set(expected)
    for name in ("ra", "dec", "jdstart", "jdend"):
        assert float(sent[name][0]) == pytest.approx(float(expected[name][0]), abs=5e-7, rel=0)
    assert [sent["email"], sent["userpass"]] == [expected["email"], expected["userpass"]]
    login = base64.b64encode(":".join(theirs["auth"]["basic"]).encode()).decode()
    assert ours.headers["Authorization"] == f"Basic {login}"
    link, _ = link_to(Answer(200, {}, ECHO.format(**{k: v[0] for k, v in sent.items()}).encode()))
    assert facility.submit(order, facility.prepare(order, link), link).status == recording["peer"]["status"]
