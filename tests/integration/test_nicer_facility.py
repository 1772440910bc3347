"""NICER against its simulator, over real HTTP: login, verification, submission, and the switch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulators.nicer.pages import RECEIPT
from nicer.facility import OFF
from slew.errors import Failed, Rejected
from slew.facility import Verdict, Verification
from slew.status import Status
from tests.integration.nicer_bench import FACILITY, FORM, LOGIN, PASSWORDS, Bench, serving
from tests.nicer_orders import WHOLE


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch) as bench:
        yield bench


# -- submit


def test_a_request_is_verified_and_submitted(bench: Bench) -> None:
    submission = bench.submit()
    assert submission.status is Status.SUBMITTED
    assert submission.facility_request_id is None
    [note] = submission.notes
    assert note.startswith("not confirmed by NICER: look at ARK's page")
    assert "Thank you." in submission.text
    [submitted] = bench.submissions
    assert submitted["user"] == "arkuser01"
    assert submitted["fields"]["Target Name"] == "ZTF26aabcdef"
    assert [(entry["method"], entry["path"]) for entry in bench.server.journal] == [
        ("POST", LOGIN),
        ("GET", "/ark/user/"),
        ("POST", FORM),
        ("POST", FORM),
    ]
    cookies = [entry["headers"].get("Cookie") for entry in bench.server.journal]
    [token] = bench.server.visits
    assert cookies == [None, *[f"NICERSIM={token}"] * 3]
    assert bench.marked == 1, "only the last one may have triggered something"


def test_the_login_on_the_wire(bench: Bench) -> None:
    bench.submit()
    [login] = bench.sent(LOGIN)
    assert login["query"] == (
        "destination=%252Fark%252Fuser%252F&credential_0=arkuser01&credential_1=********"
    )
    assert (login["body"], login["headers"]["Content-Length"]) == ("", "0")


def test_what_there_is_to_recognise_it_by_is_kept(bench: Bench) -> None:
    assert bench.submit().data == {
        "request_id": "a1b2c3d4e5f6",
        "account": "arkuser01",
        "target": "ZTF26aabcdef",
        "sent_at": "2026-11-22T18:00:00.000Z",
        "page": f"NICER Target of Opportunity NICER Target of Opportunity {RECEIPT}",
    }


def test_every_block_is_verified_and_submitted(bench: Bench) -> None:
    bench.submit(bench.order(**WHOLE))
    [submitted] = bench.submissions
    assert submitted["fields"]["Coordinating Observatory"] == "XRISM"
    assert len(submitted["fields"]) == 27


def test_the_login_as_a_body(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_NICER_LOGIN", "form")
    bench.submit()
    assert bench.sent(LOGIN)[0]["query"] == ""
    assert [login["by"] for login in bench.server.record["logins"]] == ["form"]
    assert len(bench.submissions) == 1


def test_compressed_pages(bench: Bench) -> None:
    bench.configure(gzip=True)
    assert "Thank you." in bench.submit().text


@pytest.mark.parametrize("receipt", ["", "Reference 4711", "<b>Danke</b>"])
def test_no_receipt_is_relied_on(bench: Bench, receipt: str) -> None:
    bench.configure(receipt=receipt)
    assert bench.submit().status is Status.SUBMITTED


def test_a_receipt_after_a_redirect(bench: Bench) -> None:
    bench.configure(after_submit="redirect")
    assert "Thank you." in bench.submit().text
    assert len(bench.submissions) == 1


def test_each_call_logs_in_by_itself(bench: Bench) -> None:
    bench.submit()
    bench.submit()
    assert len(bench.server.visits) == 2
    assert len({entry["headers"]["Cookie"] for entry in bench.sent(FORM)}) == 2


# -- switched off


@pytest.mark.parametrize("value", ["false", "", "yes", None])
def test_switched_off_nothing_is_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("SLEW_NICER_ENABLED")
    else:
        monkeypatch.setenv("SLEW_NICER_ENABLED", value)
    error = bench.failure(Failed)
    assert "paused since 2025-06-17" in error.reason
    assert error.reason.endswith("Nothing was sent")
    assert bench.server.journal == []
    assert bench.marked == 0
    assert FACILITY.prepare(bench.order(), bench.link).notes[0] == OFF
    assert bench.validate().accepted, "a verification asks nobody to observe"
    assert bench.verify().details == {"enabled": False}


def test_switched_on_the_dry_run_says_only_that_it_is_final(bench: Bench) -> None:
    [note] = FACILITY.prepare(bench.order(), bench.link).notes
    assert "neither changed nor withdrawn" in note


# -- login


@pytest.mark.parametrize("password", ["battery-staple", PASSWORDS[2]])
def test_bad_credentials(bench: Bench, password: str) -> None:
    bench.altdata["password"] = password
    assert bench.failure(Failed).reason == "ARK refused the credentials"
    assert bench.verify() == Verification(False, "ARK refused the credentials")
    assert bench.validate() == Verdict(False, "ARK refused the credentials")
    assert bench.sent(FORM) == []
    assert bench.marked == 0


def test_a_login_that_sets_a_cookie_and_fails(bench: Bench) -> None:
    page = '<form><input name="credential_1"></form>'
    bench.fail("status", LOGIN, status=200, body=page, headers={"Set-Cookie": "visitor=1; path=/"})
    assert bench.failure(Failed).reason == "ARK refused the credentials"


def test_a_login_refused_with_403(bench: Bench) -> None:
    bench.fail("status", LOGIN, status=403, body="<html>no</html>")
    assert bench.failure(Failed).reason == "ARK refused the credentials (HTTP 403)"


def test_a_login_without_a_cookie(bench: Bench) -> None:
    bench.fail("status", LOGIN, status=302, headers={"Location": "/ark/user/"})
    assert bench.failure(Failed).reason == "ARK refused the credentials"


def test_good_credentials(bench: Bench) -> None:
    found = bench.verify()
    assert found.valid
    assert "NICERTOO" in found.text
    assert found.details == {"enabled": True}
    assert bench.sent(FORM) == []


def test_an_account_that_has_not_joined_the_group(bench: Bench) -> None:
    bench.altdata = {"username": "arkuser02", "password": "battery-staple"}
    assert bench.verify().valid
    reason = bench.failure(Failed).reason
    assert reason.startswith("NICER form not understood (probably not logged in): HTTP 200")
    assert "not a member of the group NICERTOO" in reason
    assert bench.marked == 0


# -- verification


def test_a_refusal_in_the_facilitys_words(bench: Bench) -> None:
    body = (
        "<span>Attempted verification detected 1 problem(s):<br><b>Declination</b> &gt; &quot;90&quot;</span>"
    )
    bench.fail("status", FORM, status=200, body=body)
    assert bench.failure(Rejected).reason == '1 problem(s): Declination > "90"'
    assert bench.submissions == []
    assert bench.marked == 0


def test_validation_stores_nothing(bench: Bench) -> None:
    assert bench.validate() == Verdict(True)
    assert bench.submissions == []
    assert bench.marked == 0
    assert len(bench.server.record["verifications"]) == 1


def test_validation_tells_what_is_wrong(bench: Bench) -> None:
    order = bench.order()
    object.__setattr__(order.payload, "JustificationToO", "")  # as if NICER were stricter than our models
    assert bench.validate(order) == Verdict(
        False, '1 problem(s): Field "Justification for Target of Opportunity" is empty.'
    )
    with pytest.raises(Rejected, match="is empty"):
        bench.submit(order)
    assert bench.submissions == []


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (200, "<html><body>We have moved</body></html>", "HTTP 200 We have moved"),
        (200, "", "HTTP 200"),
        (404, "<html><body>Not here</body></html>", "HTTP 404 Not here"),
        (404, "Form verified successfully", "HTTP 404 Form verified successfully"),
    ],
)
def test_a_page_that_is_not_known(bench: Bench, status: int, body: str, shown: str) -> None:
    bench.fail("status", FORM, status=status, body=body)
    assert bench.failure(Failed).reason == f"NICER form not understood (probably not logged in): {shown}"
    assert bench.marked == 0
    assert body in bench.http.exchanges[-1].answer_body, "the page is kept"


def test_a_form_that_gives_no_sign(bench: Bench) -> None:
    bench.configure(verification="silent")
    assert "not understood" in bench.failure(Failed).reason
    with pytest.raises(Failed):
        bench.validate()


def test_what_it_can_do() -> None:
    assert FACILITY.operations == ("submit", "dry_run", "validate", "verify")
    assert FACILITY.send_attempts is not None
