"""Liverpool Telescope against its simulator, over real HTTP: submit, refusals, credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.simulators.lt import LtServer
from slew.errors import Failed, NoAnswer, Rejected
from slew.facility import Prepared, Submission
from tests.integration.lt_bench import HTML, Bench, simulator, usual
from tests.lt_orders import FACILITY, NEEDED

JSON = dict[str, Any]
PEER: list[JSON] = json.loads((Path(__file__).parents[1] / "data" / "peer" / "lt.json").read_text())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LtServer]:
    with simulator(monkeypatch) as running:
        yield running


@pytest.fixture
def bench(server: LtServer) -> Iterator[Bench]:
    with usual(server) as bench:
        yield bench


def spoilt(prepared: Prepared, change: Mapping[str, str]) -> Prepared:
    """The prepared document with some of its words replaced, as no payload could make it."""
    request = prepared.http()
    body = request.body.decode()
    for old, new in change.items():
        assert old in body
        body = body.replace(old, new)
    return Prepared((replace(request, body=body.encode()),))


# -- submit


@pytest.mark.parametrize("instrument", sorted(NEEDED))
def test_each_instrument_is_confirmed_and_stored(bench: Bench, instrument: str) -> None:
    order = bench.order(instrument)
    submission = bench.submit(order)
    [group] = bench.groups()
    assert submission.facility_request_id == group["uid"] == submission.data["uid"]
    assert submission.data["group"] == group["name"]
    assert submission.text == "Request confirmed."
    assert submission.next_poll_s == 1800
    assert submission.data["exposures"] == sum(setup.count for setup in order.payload.setups())
    assert group["window"] == ["2026-11-22T20:00:00+00:00", "2026-11-29T20:00:00+00:00"]
    assert [each[2:] for each in group["schedules"]] == [
        [setup.exposure_s, setup.count] for setup in order.payload.setups()
    ]
    [exchange] = bench.http.exchanges
    assert exchange.request_headers["Password"] == "********"


@pytest.mark.parametrize("recording", PEER, ids=lambda each: each["name"])
def test_what_the_peer_sent_is_accepted_from_us(server: LtServer, recording: JSON) -> None:
    bench = Bench(server, **recording["altdata"])
    target = recording["target"]
    order = bench.order(
        {"IOOAPI": "ioo", "SPRATAPI": "sprat"}[recording["peer_class"]],
        recording["payload"],
        target={"name": target["id"], "ra": target["ra"], "dec": target["dec"]},
    )
    assert bench.submit(order).text == "Request confirmed."
    assert recording["altdata"]["password"] not in repr(bench.http.exchanges)


def test_the_uid_is_written_down_before_anything_is_sent(bench: Bench) -> None:
    kept: list[Mapping[str, Any]] = []

    def keep(data: Mapping[str, Any]) -> None:
        assert bench.server.journal == []
        kept.append(data)

    link = replace(bench.link, keep=keep)
    order = bench.order()
    submission = FACILITY.submit(order, FACILITY.prepare(order, link), link)
    assert [each["uid"] for each in kept] == [submission.facility_request_id]


def test_a_window_to_come_is_not_polled_before(bench: Bench) -> None:
    submission = bench.submit(bench.order("sprat", {"start_date": "2026-12-01T22:00:00"}))
    assert submission.next_poll_s == (9 * 24 + 2) * 3600


# -- refusals, each in readable words


@pytest.mark.parametrize(
    ("fields", "change", "reason"),
    [
        (
            {},
            {"&gt;ltuser01&lt;/Username": "&gt;ltuser02&lt;/Username"},
            "checkUsernamesMatch:Unaliased Header",
        ),
        ({}, {'mode="request"': 'mode="demand"'}, "Unknown document request type."),
        ({}, {"PL26A99": "PL99"}, "Unable to match proposal name: [PL99] with known proposals"),
        ({}, {"PL26A99": "PL26A97"}, "User [LT/ltuser01] does NOT have access to Proposal [PL26A97]."),
        ({}, {"PL26A99": "PL26A98"}, "Proposal [PL26A98] allocation account is overdrawn: Bal=-1.2h"),
        ({}, {"Contact": "Kontakt"}, "No Contact in received document"),
        ({}, {"Project": "Projekt"}, "No Project in received document"),
        ({}, {"Username": "User"}, "No User in Contact in received document"),
        ({}, {'ProjectID="PL26A99"': ""}, "No Project in Project in received document"),
        ({}, {"IO:O": "IO:I"}, "Device configuration error: org.estar.tea.DeviceInstrumentUtilites"),
        (
            {},
            {'Filter type="G"': 'Filter type="g"'},
            "DeviceInstrumentUtilites:getCCDIndexFilterType:RTML filter type g returned null value when using"
            " key:filter.io:o.1.g",
        ),
        ({}, {">300.0<": ">0.5<"}, "Your Exposure time is too short."),
        ({}, {'count="1"': 'count="0"'}, "Your Exposure Count is less than 1."),
        (
            {"start_date": "2026-12-01", "end_date": "2026-12-02"},
            {"2026-12-01T": "2026-12-03T"},
            "Your StartDate and EndDate do not make sense.",
        ),
        ({}, {'version="3.1a"': 'version="3.0"'}, "Illegal version:3.0"),
        ({}, {"+34": "34"}, "Illegal Degrees value:34 does not start with a '+' or '-'."),
        ({}, {"RTML ": "r:RTML ", "/RTML": "/r:RTML"}, ""),
        ({}, {"magnitudes/": "mag/"}, "Illegal Units:mag/square-arcsecond"),
        ({}, {"&gt;light": "&gt;Light"}, "Illegal Clouds:Light"),
        ({}, {'system="UT"': 'system="MJD"'}, "Illegal system:MJD"),
        ({}, {'type="include"': 'type="exclude"'}, "Illegal type:exclude"),
        ({}, {"T20:00:00+00:00": " 20:00:00"}, "java.text.ParseException"),
    ],
)
def test_each_refusal_is_readable(bench: Bench, fields: JSON, change: dict[str, str], reason: str) -> None:
    """Our own checks leave few of these: the document is spoilt behind them."""
    order = bench.order("ioo", {"observation_choices": ["g"], **fields})
    escaped = {_escaped(old): _escaped(new) for old, new in change.items()}
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(order, spoilt(FACILITY.prepare(order, bench.link), escaped), bench.link)
    words = caught.value.reason
    assert words.startswith(reason) if reason != "java.text.ParseException" else "Unparseable date" in words
    assert not re.search(r"\bjava\.|RemoteException|badly formatted", words)
    assert bench.groups() == []


def _escaped(text: str) -> str:
    return text if "&" in text else text.replace("<", "&lt;").replace(">", "&gt;")


def test_what_no_payload_can_make_is_refused_too(bench: Bench) -> None:
    order = bench.order("ioo", {"observation_choices": ["g", "r"]})
    prepared = FACILITY.prepare(order, bench.link)
    body = prepared.http().body.decode()
    head, last = body.rsplit('maximum="1.2"', 1)
    mismatch = Prepared((replace(prepared.http(), body=f'{head}maximum="1.3"{last}'.encode()),))
    with pytest.raises(Rejected, match=r"^Constraint mismatch: SeeingConstraint for 2$"):
        FACILITY.submit(order, mismatch, bench.link)
    sprat = spoilt(prepared, {'"IO:O" type="camera"': '"Sprat" type="spectrograph"'})
    with pytest.raises(Rejected, match="Only one observation per RTML request is supported when using SPRAT"):
        FACILITY.submit(order, sprat, bench.link)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("rejection_only", "This proposal may not interrupt."),
        ("no_error", "Nothing doing."),
        ("no_reason", "LT rejected the request without a reason"),
        (
            "last_resort",
            "handle_rtml failed with exception:java.lang.NullPointerException at <init> & more",
        ),
    ],
)
def test_odd_refusals(bench: Bench, odd: str, reason: str) -> None:
    bench.configure(odd_reply=odd)
    with pytest.raises(Rejected) as caught:
        bench.submit(bench.order())
    assert caught.value.reason == reason


def test_a_repeated_uid_may_be_refused(bench: Bench) -> None:
    bench.configure(repeat="reject")
    order = bench.order()
    bench.submit(order)
    with pytest.raises(Rejected, match="exists"):
        bench.submit(order)


# -- credentials


@pytest.mark.parametrize(
    ("altdata", "words"),
    [
        ({"password": "wrong-horse"}, "Incorrect Password for User:ltuser01"),
        (
            {"username": "nobody01"},
            "Failed to find password for username:nobody01 in persistent store.",
        ),
    ],
)
def test_refused_credentials_are_no_matter_for_a_retry(server: LtServer, altdata: JSON, words: str) -> None:
    bench = Bench(server, **altdata)
    with pytest.raises(Failed) as caught:
        bench.submit(bench.order())
    assert caught.value.reason == f"LT refused the credentials ({words})"
    assert not caught.value.unconfirmed
    assert "wrong-horse" not in repr(caught.value) + repr(bench.http.exchanges)
    verification = FACILITY.verify(bench.order().altdata, bench.link)
    assert (verification.valid, verification.text) == (False, words)
    with pytest.raises(NoAnswer, match=r"^credentials: "):
        FACILITY.poll(bench.known(bench.order(), Submission("u-1-2")), bench.link)


def test_good_credentials(bench: Bench) -> None:
    found = FACILITY.verify(bench.order().altdata, bench.link)
    assert found.valid
    assert "ACK" in found.text
    assert found.details == {"data_pages": "accepted"}
    assert bench.modes() == []


def test_a_wrong_data_password_is_told(server: LtServer) -> None:
    bench = Bench(server, data_password="not-that-one")
    found = FACILITY.verify(bench.order().altdata, bench.link)
    assert (found.valid, found.details) == (False, {"data_pages": "refused"})
    assert "not-that-one" not in repr(found) + repr(bench.http.exchanges)


def test_a_node_agent_that_is_not_live_still_knows_the_password(bench: Bench) -> None:
    bench.configure(live=False)
    found = FACILITY.verify(bench.order().altdata, bench.link)
    assert found.valid
    assert "NAK (not live)" in found.text


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 502, "body": HTML},
        {"kind": "status", "status": 200, "body": HTML},
        {"kind": "cut"},
    ],
)
def test_credentials_that_cannot_be_checked_now(bench: Bench, fault: JSON) -> None:
    bench.fail(**fault)
    with pytest.raises(NoAnswer):
        FACILITY.verify(bench.order().altdata, bench.link)
