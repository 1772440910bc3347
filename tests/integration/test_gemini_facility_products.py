"""What the archive has of Gemini's observations: lists, downloads, proprietary files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gemini.trigger import GeminiOrder
from local.simulators.gemini import ARCHIVE_PASSWORD, ARCHIVE_SESSION, ARCHIVE_USER
from slew.errors import NoAnswer
from slew.status import Status
from tests.integration.gemini_bench import (
    FACILITY,
    FIRST,
    HTML,
    JSON,
    SECRETS,
    Bench,
    benched,
)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench at which nothing is executed by itself."""
    with benched(monkeypatch) as bench:
        bench.server.config = replace(bench.server.config, ongoing_after_s=1e9, observed_after_s=1e9)
        yield bench


@pytest.fixture
def observed(still: Bench) -> GeminiOrder:
    order = still.submitted()
    still.observe(FIRST, "Observed")
    return order


def test_files_are_listed_with_quality_and_release(still: Bench, observed: GeminiOrder) -> None:
    products = still.poll(observed)[1].products
    assert products is not None
    assert [each["observation_class"] for each in products] == ["acq", "science", "partnerCal"]
    assert [each["kind"] for each in products] == ["image", "spectrum", "spectrum"]
    science = products[1]
    assert science["url"] == f"{still.server.url}/archive/file/{science['name']}"
    assert science["name"].endswith(".fits")
    assert (science["qa_state"], science["release"]) == ("Undefined", "2027-12-01")
    assert science["content_type"] == "application/fits"
    assert "ra" not in science


def test_public_files_are_had_by_anybody(still: Bench, observed: GeminiOrder) -> None:
    products = still.poll(observed)[1].products
    assert products is not None
    arc = products[2]
    answer = still.get(observed, arc)
    assert (answer.status, len(answer.body)) == (200, arc["size"])
    assert answer.body.startswith(b"SIMPLE  =                    T")
    still.advance(days=366)
    assert still.get(observed, products[1]).status == 200


def test_proprietary_files_wait_for_their_release(still: Bench, observed: GeminiOrder) -> None:
    products = still.poll(observed)[1].products
    assert products is not None
    with pytest.raises(NoAnswer) as caught:
        still.get(observed, products[1])
    assert caught.value.reason.startswith("proprietary until 2027-12-01")
    assert caught.value.retry_after == pytest.approx((365 * 24 - 5) * 3600)
    assert still.calls("/archive/file") == []


def test_proprietary_files_by_a_session(still: Bench, observed: GeminiOrder) -> None:
    still.altdata["archive_session"] = ARCHIVE_SESSION
    order = replace(observed, altdata=still.order().altdata)
    products = still.poll(order)[1].products
    assert products is not None
    assert still.get(order, products[1]).status == 200
    assert still.calls("/archive/login") == []
    still.altdata["archive_session"] = "an-old-session"
    assert still.get(replace(observed, altdata=still.order().altdata), products[1]).status == 403


def test_proprietary_files_by_an_account(still: Bench, observed: GeminiOrder) -> None:
    still.altdata |= {"archive_username": ARCHIVE_USER, "archive_password": ARCHIVE_PASSWORD}
    order = replace(observed, altdata=still.order().altdata)
    products = still.poll(order)[1].products
    assert products is not None
    link = still.link
    requests = [FACILITY.download(order, each, link) for each in products[:2]]
    assert [still.http.read(each).status for each in requests] == [200, 200]
    assert len(still.calls("/archive/login")) == 1
    still.altdata["archive_password"] = "wrong-password"
    still.http.redactor = type(still.http.redactor)([*SECRETS, "wrong-password"])
    with pytest.raises(NoAnswer, match="refused the login"):
        still.get(replace(observed, altdata=still.order().altdata), products[1])
    assert "wrong-password" not in repr(still.http.exchanges)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "body": HTML},
        {"kind": "status", "status": 200, "body": HTML},
        {"kind": "status", "status": 200, "body": '{"error": 1}', "content_type": "application/json"},
        {"kind": "status", "status": 200, "body": "[1]", "content_type": "application/json"},
        {"kind": "cut"},
    ],
)
def test_an_archive_that_does_not_answer_spoils_no_status(
    still: Bench, observed: GeminiOrder, fault: JSON
) -> None:
    still.fail(**fault, path="/archive")
    progress = still.poll(observed)[1]
    assert (progress.status, progress.products) == (Status.COMPLETE, None)
    assert progress.text.startswith("Observed; files: ")
    assert still.poll(observed)[1].products is not None


def test_odd_entries_of_the_archives_list(still: Bench, observed: GeminiOrder) -> None:
    body = (
        '[{"name": "N1.fits.bz2", "compressed": false, "file_size": 9, "file_md5": "ab", "mode": null},'
        '{"name": "N2.fits", "present": false}, {"name": "N3/ .fits", "data_size": true},'
        '{"results_truncated": true}]'
    )
    still.fail("status", status=200, body=body, path="/archive", content_type="application/json")
    products = still.poll(observed)[1].products
    assert products is not None
    assert [each["name"] for each in products] == ["N1.fits", "N3__.fits"]
    assert (products[0]["size"], products[0]["md5"], products[0]["kind"]) == (9, "ab", "image")
    assert products[1]["url"].endswith("/file/N3%2F%20.fits")
    assert "size" not in products[1]
