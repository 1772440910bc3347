"""Swift's facility against its simulator in protocol v2, over real HTTP: submitting, and every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from local.simulators.swift_too import DEMO_SECRET, DEMO_USER, OTHER_SECRET, OTHER_USER, SwiftTooServer, sky
from slew.errors import Invalid, NoAnswer, NotSent, Rejected, Unanswered, Unavailable
from slew.facility import Absent, Facility, Submission
from slew.status import Status
from swift_too.facility import SwiftToo
from tests.swift_too_bench import BRIGHT, DATA, IXF, SN, Bench, altdata_of

TOO = "/api/v2/swift/too"
LOGIN = "/api/v2/login"
PAGE = "<html><head><style>b {}</style></head><body><h1>Maintenance</h1><p>Back &amp; soon</p></body></html>"
DAY = 86400.0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SwiftTooServer]:
    simulator = SwiftTooServer()
    simulator.start()
    monkeypatch.setenv("SLEW_SWIFT_TOO_URL", f"{simulator.base_url}/")
    monkeypatch.delenv("SLEW_SWIFT_TOO_PROTOCOL", raising=False)
    yield simulator
    simulator.stop()


@pytest.fixture
def bench(server: SwiftTooServer) -> Iterator[Bench]:
    """The usual bench; whatever the test did, no secret and no session may be in the record."""
    bench = Bench(server)
    yield bench
    recorded = repr(bench.http.exchanges)
    assert DEMO_SECRET not in recorded
    assert not [cookie for cookie in server.sessions._known if cookie in recorded]


def place(spot: tuple[float, float]) -> dict[str, Any]:
    return {"name": "spot", "ra": spot[0], "dec": spot[1]}


# -- submit


def test_a_too_is_made_in_a_session(bench: Bench) -> None:
    submission = bench.submit(bench.order())
    [too] = bench.server.book.toos
    assert (submission.facility_request_id, submission.status) == (str(too.too_id), Status.SUBMITTED)
    assert submission.data["too_id"] == too.too_id
    assert (submission.data["protocol"], submission.text) == ("v2", "Accepted")
    assert submission.next_poll_s == 6 * 3600
    assert (too.username, too.fields["target_name"], too.fields["exposure"]) == (
        DEMO_USER,
        "SN 2026zz",
        "4000",
    )
    [login], [posted] = bench.calls("/login"), bench.calls("/swift/too")
    assert login["body"] == f'{{"username":"{DEMO_USER}","password":"{DEMO_SECRET}"}}'
    assert posted["headers"]["Cookie"].startswith("session=")
    assert DEMO_SECRET not in posted["body"]


def test_urgent_ones_are_looked_at_every_hour(bench: Bench) -> None:
    assert bench.submit(bench.order(urgency="2")).next_poll_s == 3600


def test_a_session_serves_again_but_no_other_allocation(bench: Bench) -> None:
    bench.submit(bench.order())
    bench.submit(bench.order({**SN, "name": "another", "ra": 10.5}))
    assert len(bench.calls("/login")) == 1
    other = Bench(bench.server, altdata_of(OTHER_USER, OTHER_SECRET), "theirs")
    same_user = Bench(bench.server, allocation="ours too")
    for each in (other, same_user):
        each.facility = bench.facility
        each.submit(each.order({**SN, "name": each.allocation, "ra": 20.0 + len(each.allocation)}))
    assert len(bench.calls("/login")) == 3
    cookies = [each["headers"]["Cookie"] for each in bench.calls("/swift/too")]
    assert len(set(cookies)) == 3
    assert [too.username for too in bench.server.book.toos] == [DEMO_USER, DEMO_USER, OTHER_USER, DEMO_USER]


def test_a_new_secret_takes_no_old_session(bench: Bench) -> None:
    bench.submit(bench.order())
    changed = replace(bench.order(), altdata=altdata_of(secret="changed-secret"))
    with pytest.raises(Rejected, match="Swift login failed"):
        bench.facility.submit(changed, bench.facility.prepare(changed, bench.link), bench.link)


def test_an_ended_session_is_renewed_once(bench: Bench) -> None:
    bench.configure(session_s=100.0)
    bench.submit(bench.order())
    bench.advance(101)
    bench.submit(bench.order({**SN, "name": "another", "ra": 10.5}))
    assert (len(bench.calls("/login")), len(bench.calls("/swift/too"))) == (2, 3)
    assert len(bench.server.book.toos) == 2


def test_a_session_that_is_never_good_is_a_refusal(bench: Bench) -> None:
    bench.configure(session_s=0.0)
    with pytest.raises(Rejected, match=r"^Swift authentication failed: Not authenticated$"):
        bench.submit(bench.order())
    assert len(bench.calls("/swift/too")) == 2


def test_a_login_that_fails_after_a_session_has_ended_leaves_nothing_in_doubt(bench: Bench) -> None:
    bench.configure(session_s=100.0)
    bench.submit(bench.order())
    bench.advance(101)
    bench.fail("status", path=LOGIN, status=503)
    with pytest.raises(NotSent, match="Swift login failed: HTTP 503"):
        bench.submit(bench.order({**SN, "name": "another", "ra": 10.5}))
    assert len(bench.server.book.toos) == 1


def test_a_wrong_secret(server: SwiftTooServer) -> None:
    bench = Bench(server, altdata_of(secret="not-the-secret"))
    with pytest.raises(Rejected) as caught:
        bench.submit(bench.order())
    assert caught.value.reason == (
        "Swift login failed (check username and secret): Incorrect username or password"
    )
    assert "not-the-secret" not in repr(bench.http.exchanges) + repr(caught.value)
    assert not server.book.toos


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "40"}}, "HTTP 429"),
        ({"kind": "status", "status": 500, "body": PAGE}, "HTTP 500: Maintenance Back & soon"),
        ({"kind": "status", "status": 200, "body": PAGE}, "gave no session: Maintenance"),
        ({"kind": "cut"}, "no answer"),
        ({"kind": "refuse"}, "no answer"),
    ],
)
def test_a_login_that_does_not_come_through_has_sent_nothing(
    bench: Bench, fault: dict[str, Any], text: str
) -> None:
    bench.fail(**fault, path=LOGIN)
    with pytest.raises(NoAnswer, match=text):
        bench.submit(bench.order())
    assert not bench.calls("/swift/too")


@pytest.mark.parametrize("as_200", [False, True])
def test_refusals_of_the_sky(bench: Bench, as_200: bool) -> None:
    bench.configure(refuse_with_200=as_200)
    with pytest.raises(Rejected) as caught:
        bench.submit(bench.order(place(sky.BRIGHT_STAR), uvot_mode="0x30ed", uvot_just="SED"))
    assert caught.value.reason == (
        "The following UVOT filters are not allowed due to a bright star: u, b, v, uvw1, uvw2, uvm2."
    )
    with pytest.raises(Rejected, match=r"^ERROR: Object currently constrained until .* so 24-hour response"):
        bench.submit(bench.order(place(sky.CONSTRAINED), urgency=2))
    assert bench.submit(bench.order(place(sky.CONSTRAINED), urgency=3)).status is Status.SUBMITTED


def test_a_duplicate_that_was_never_sent_before_is_a_refusal(bench: Bench) -> None:
    first = bench.submit(bench.order())
    with pytest.raises(Rejected, match=f"recently submitted. TOO ID: {first.facility_request_id}$"):
        bench.submit(bench.order())


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (
            422,
            '{"detail":[{"loc":["body","obs_type"],"msg":"Input should be \'Timing\'","type":"enum"}]}',
            Rejected,
            "^obs_type: Input should be 'Timing'$",
        ),
        (422, '{"detail":"Too long"}', Rejected, "^Too long$"),
        (422, '{"detail":[{"loc":["body"],"msg":"Value error, No."}]}', Rejected, "^No.$"),
        (403, PAGE, Rejected, "^HTTP 403: Maintenance Back & soon$"),
        (404, "", Rejected, "^HTTP 404: no reason given$"),
        (400, '{"status":"Rejected","errors":["a","<b>b</b>"]}', Rejected, "^a; b$"),
        (200, '{"status":{"status":"Rejected","errors":[]}}', Rejected, "^Rejected without a reason$"),
        (302, "", Rejected, "redirected to .*base URL"),
        (200, PAGE, Unanswered, "HTTP 200 with an answer that cannot be read: Maintenance"),
        (200, "[]", Unanswered, "cannot be read"),
        (200, '{"status":"Accepted"}', Unanswered, "Accepted without the number of a TOO"),
        (200, '{"status":"Odd"}', Unanswered, "Odd without the number"),
        (500, PAGE, Unanswered, "facility unavailable: HTTP 500"),
        (504, "", Unanswered, "HTTP 504"),
        (429, PAGE, NotSent, "^throttled: Maintenance"),
    ],
)
def test_every_answer_ends_in_its_own_way(
    bench: Bench, status: int, body: str, error: type[Exception], text: str
) -> None:
    bench.fail("status", path=TOO, status=status, body=body, content_type="application/json")
    with pytest.raises(error, match=text):
        bench.submit(bench.order())


def test_an_unknown_status_with_a_number_is_submitted(bench: Bench) -> None:
    body = '{"status":{"status":"Odd","too_id":"77","warnings":["mind the Sun"]}}'
    bench.fail("status", path=TOO, status=200, body=body, content_type="application/json")
    submission = bench.submit(bench.order())
    assert (submission.facility_request_id, submission.status) == ("77", Status.SUBMITTED)
    assert (submission.text, submission.notes) == ("Odd", ("mind the Sun",))


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_lost_answer_is_unknown(bench: Bench, kind: str) -> None:
    bench.fail(kind, path=TOO)
    with pytest.raises(Unanswered, match="no answer"):
        bench.submit(bench.order())
    assert len(bench.server.book.toos) == 1


def test_a_server_that_is_down(bench: Bench) -> None:
    bench.server.vanish()
    with pytest.raises(NoAnswer, match="could not reach"):
        bench.submit(bench.order())


def test_a_redirection_that_keeps_the_method_is_followed_at_the_same_host(bench: Bench) -> None:
    bench.fail("status", path=TOO, status=307, headers={"Location": TOO})
    assert bench.submit(bench.order()).status is Status.SUBMITTED
    bench.fail("status", path=TOO, status=308, headers={"Location": "https://elsewhere.example/api"})
    with pytest.raises(Rejected, match=r"elsewhere\.example"):
        bench.submit(bench.order({**SN, "name": "another", "ra": 10.5}))


# -- what is not sent


def test_nothing_is_sent_where_no_address_is_set(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLEW_SWIFT_TOO_URL")
    with pytest.raises(Unavailable, match="SLEW_SWIFT_TOO_URL is not set"):
        bench.submit(bench.order())
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", "v3")
    with pytest.raises(Unavailable, match=r"must be v2 or v1\.2"):
        bench.submit(bench.order())


def test_urgent_requests_need_leave(bench: Bench) -> None:
    for urgency in (0, "1"):
        with pytest.raises(Invalid, match="allow_urgent"):
            bench.submit(bench.order(urgency=urgency))
    allowed = Bench(bench.server, altdata_of(allow_urgent=True))
    assert allowed.submit(allowed.order(urgency=1)).next_poll_s == 3600


def test_anonymous_makes_no_too(server: SwiftTooServer) -> None:
    bench = Bench(server, altdata_of("anonymous", "anonymous"))
    with pytest.raises(Invalid, match="Cannot submit TOOs from anonymous user"):
        bench.submit(bench.order())
    assert not server.journal


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"monitoring_freq": "3 hours"}, "monitoring_freq"), ({"slew_in_place": True}, "slew_in_place")],
)
def test_what_only_the_other_protocol_can_say(bench: Bench, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        bench.submit(bench.order(**fields))
    assert caught.value.errors[0].loc == ("payload", field)


# -- validate, debug


def test_validation_makes_nothing(bench: Bench) -> None:
    order = bench.order(uvot_mode="0x209a", uvot_just="colours")
    verdict = bench.facility.validate(order, bench.facility.prepare(order, bench.link), bench.link)
    assert (verdict.accepted, verdict.reason) == (True, "")
    assert verdict.details["uvot_filters"] == ["u", "b", "v"]
    assert len(verdict.details["visible"]) == 1
    [posted] = bench.calls("/swift/too")
    assert posted["body"].endswith("&validate_only=true")
    assert not bench.server.book.toos


def test_validation_tells_the_refusal_and_when_it_could_be_seen(bench: Bench) -> None:
    order = bench.order(place(sky.CONSTRAINED), urgency=2)
    verdict = bench.facility.validate(order, bench.facility.prepare(order, bench.link), bench.link)
    assert not verdict.accepted
    assert "constrained until" in verdict.reason
    assert verdict.details["visible"] == []
    star = bench.order(place(sky.BRIGHT_STAR), uvot_mode="0x2005", uvot_just="v")
    verdict = bench.facility.validate(star, bench.facility.prepare(star, bench.link), bench.link)
    assert verdict.details["uvot_filters"].endswith("due to a bright star: v.")


def test_validate_only_and_debug_end_at_once_without_a_too(bench: Bench) -> None:
    checked = bench.submit(bench.order(validate_only=True))
    assert (checked.facility_request_id, checked.status) == (None, Status.COMPLETE)
    assert checked.text == "Validated: no TOO was made"
    rehearsed = bench.submit(bench.order(debug=True))
    assert (rehearsed.facility_request_id, rehearsed.status) == (None, Status.COMPLETE)
    assert "too_id" not in rehearsed.data
    assert not bench.server.book.toos


# -- reconcile


def test_the_guard_against_duplicates_tells_the_number(bench: Bench) -> None:
    order = bench.order()
    bench.fail("cut", path=TOO)
    with pytest.raises(Unanswered):
        bench.submit(order)
    found = bench.facility.reconcile(bench.at_once(order), bench.link)
    [too] = bench.server.book.toos
    assert isinstance(found, Submission)
    assert found.next_poll_s == 6 * 3600
    assert (found.facility_request_id, found.status) == (str(too.too_id), Status.SUBMITTED)
    assert (found.data["too_id"], found.data["protocol"]) == (too.too_id, "v2")
    first, again = bench.calls("/swift/too")
    assert first["body"] == again["body"]
    assert "sent_again_at" in bench.kept


def test_a_request_that_never_arrived_is_made_by_the_second_sending(bench: Bench) -> None:
    order = bench.order()
    bench.fail("status", path=TOO, status=502)
    with pytest.raises(Unanswered):
        bench.submit(order)
    found = bench.facility.reconcile(bench.at_once(order), bench.link)
    assert isinstance(found, Submission)
    assert found.notes == ("sent once more: the first sending had not reached Swift",)
    assert [str(too.too_id) for too in bench.server.book.toos] == [found.facility_request_id]


def test_it_is_sent_again_only_once_and_only_soon(bench: Bench) -> None:
    order = bench.order()
    bench.fail("status", path=TOO, method="POST", status=502, times=2)
    with pytest.raises(Unanswered):
        bench.submit(order)
    doubtful = bench.at_once(order)
    found = bench.facility.reconcile(doubtful, bench.link)
    assert isinstance(found, Submission)
    assert (found.status, found.facility_request_id) == (Status.UNKNOWN, None)
    assert found.next_poll_s == 3600
    again = known_as(doubtful, found)
    assert bench.facility.reconcile(again, bench.link) is None
    late = bench.at_once(order, 601)
    assert bench.facility.reconcile(late, bench.link) is None
    assert len(bench.calls("/swift/too")) == 2
    assert not bench.server.book.toos


def test_a_second_sending_that_is_refused_says_what_became_of_the_first(bench: Bench) -> None:
    order = bench.order(place(sky.CONSTRAINED), urgency=2)
    bench.fail("cut", path=TOO, method="POST")
    with pytest.raises(Unanswered):
        bench.submit(order)
    found = bench.facility.reconcile(bench.at_once(order), bench.link)
    assert isinstance(found, Submission)
    assert (found.status, found.next_poll_s) == (Status.REJECTED, None)
    assert "constrained until" in found.text


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 302}])
def test_a_second_sending_that_did_not_arrive_does_not_count(bench: Bench, fault: dict[str, Any]) -> None:
    order = bench.order()
    bench.fail("cut", path=TOO, method="POST")
    with pytest.raises(Unanswered):
        bench.submit(order)
    bench.fail("status", path=TOO, method="POST", **fault)
    with pytest.raises(NoAnswer):
        bench.facility.reconcile(bench.at_once(order), bench.link)
    assert bench.kept["sent_again_at"] is None


def test_an_approved_one_is_found_in_the_list_by_its_justification(bench: Bench) -> None:
    order = bench.order()
    theirs = Bench(bench.server, altdata_of(OTHER_USER, OTHER_SECRET), "theirs")
    theirs.submit(theirs.order())
    bench.fail("cut", path=TOO, method="POST")
    with pytest.raises(Unanswered):
        bench.submit(order)
    theirs_id, ours_id = (too.too_id for too in bench.server.book.toos)
    bench.advance(1.5 * DAY)
    found = bench.facility.reconcile(replace(order, now=bench.server.clock.now()), bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == str(ours_id) != str(theirs_id)
    other = replace(order, altdata=theirs.altdata, payload=bench.order(science_just="Another.").payload)
    assert theirs.facility.reconcile(replace(other, now=bench.server.clock.now()), theirs.link) is None
    assert len(bench.calls("/swift/too")) == 2


def test_nothing_to_settle_where_no_too_is_made(bench: Bench) -> None:
    assert bench.facility.reconcile(bench.order(**DATA), bench.link) == Absent()
    assert bench.facility.reconcile(bench.order(validate_only=True), bench.link) == Absent()
    assert bench.facility.reconcile(bench.order(debug=True), bench.link) is None
    assert not bench.server.journal


def test_a_reconciliation_without_a_login_is_no_answer(server: SwiftTooServer) -> None:
    bench = Bench(server, altdata_of(secret="not-the-secret"))
    with pytest.raises(NoAnswer, match="Swift login failed"):
        bench.facility.reconcile(bench.order(), bench.link)


def known_as(order: Any, submission: Submission) -> Any:
    return replace(order, facility_data=submission.data, now=order.now)


# -- verify, what there is not


def test_verification(bench: Bench) -> None:
    good = bench.facility.verify(altdata_of(), bench.link)
    assert (good.valid, good.details) == (True, {"username": DEMO_USER})
    bad = bench.facility.verify(altdata_of(secret="not-the-secret"), bench.link)
    assert not bad.valid
    assert "Incorrect username or password" in bad.text
    assert bench.facility.verify(altdata_of("anonymous", "anonymous"), bench.link).valid
    assert len(bench.calls("/login")) == 2
    assert not bench.calls("/swift/too")


def test_verification_that_gets_no_answer(bench: Bench) -> None:
    bench.fail("status", path=LOGIN, status=500)
    with pytest.raises(NoAnswer, match="HTTP 500"):
        bench.facility.verify(altdata_of(), bench.link)
    bench.fail("status", path="/api/v2/session", status=200, body=PAGE)
    with pytest.raises(NoAnswer, match="could not be read"):
        bench.facility.verify(altdata_of(), bench.link)
    bench.fail(
        "status",
        path="/api/v2/session",
        status=200,
        body='{"username": "x"}',
        content_type="application/json",
    )
    assert not bench.facility.verify(altdata_of(), bench.link).valid


def test_swift_cannot_change_or_cancel() -> None:
    facility: Facility = SwiftToo()
    assert facility.operations == ("submit", "dry_run", "validate", "poll", "reconcile", "verify")


def test_a_dry_run_shows_neither_session_nor_secret(bench: Bench) -> None:
    order = bench.order(exposure_counts=3)
    prepared = bench.facility.prepare(order, bench.link)
    assert prepared.notes == ("the exposure time is per visit",)
    assert "Cookie" not in prepared.http().headers
    assert SecretStr(DEMO_SECRET).get_secret_value() not in repr(prepared)
    assert not bench.server.journal
    assert BRIGHT.items() <= order.payload.root.model_dump().items()
    assert IXF["name"] not in prepared.http().body.decode()
