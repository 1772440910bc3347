"""Downloads that are sent on: how far, with which headers, and where not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulators.base import Fault
from slew import redirects
from slew.errors import NoAnswer
from slew.wire import HttpRequest
from tests.integration.test_plans import call, server
from tests.integration.test_retrieval import later, products, request_id, tick
from tests.support.survey import Survey, SurveyServer

__all__ = ["call", "later", "request_id", "server"]

ASKED = {
    "Authorization": "Basic c2VjcmV0",
    "Cookie": "session=1",
    "X-Api-Key": "key",
    "Accept": "*/*",
    "Range": "bytes=5-",
}


@pytest.fixture
def elsewhere() -> Iterator[SurveyServer]:
    other = SurveyServer()
    other.start()
    yield other
    other.stop()


def sends_on(server: SurveyServer, url: str, times: int = 1, status: int = 302) -> None:
    fault = Fault("status", "GET", "/files/image.fits", times, status=status, headers={"Location": url})
    server.faults.append(fault)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_download_is_followed_to_another_host_without_credentials(
    server: SurveyServer,
    elsewhere: SurveyServer,
    request_id: str,
    later: Any,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setenv("SLEW_ELSEWHERE_URL", elsewhere.url)
    monkeypatch.setattr(Survey, "download", lambda _, order, product, link: _asking(product))
    sends_on(server, f"{elsewhere.url}/files/image.fits?signature=abc", status=status)
    later(400)
    tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"
    (seen,) = elsewhere.journal
    assert not {"Authorization", "Cookie", "X-Api-Key"} & set(seen["headers"])
    first = next(each for each in server.journal if each["path"] == "/files/image.fits")
    assert first["headers"]["Authorization"] == ASKED["Authorization"]


def _asking(product: Any) -> HttpRequest:
    return HttpRequest("GET", product["url"], {name: ASKED[name] for name in ("Authorization", "Cookie")})


def test_on_the_same_host_the_credentials_go_along(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Survey, "download", lambda _, order, product, link: _asking(product))
    sends_on(server, "/files/image.fits", redirects.MOST)
    later(400)
    tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"
    asked = [each for each in server.journal if each["path"] == "/files/image.fits"]
    assert [each["headers"]["Authorization"] for each in asked] == [ASKED["Authorization"]] * 6


def test_a_circle_ends(server: SurveyServer, request_id: str, later: Any) -> None:
    sends_on(server, "/files/image.fits", 50)
    later(400)
    tick()
    assert "redirected more than 5 times" in products(request_id)["image.fits"]["error"]
    assert len([each for each in server.journal if each["path"] == "/files/image.fits"]) == 6


def test_a_redirect_to_a_host_inside_is_not_followed(
    server: SurveyServer, elsewhere: SurveyServer, request_id: str, later: Any
) -> None:
    sends_on(server, f"{elsewhere.url}/files/image.fits")
    later(400)
    tick()
    assert elsewhere.journal == []
    assert "must be https" in products(request_id)["image.fits"]["error"]


def onward(url: str, location: str, **request: Any) -> HttpRequest | None:
    return redirects.onward(HttpRequest("GET", url, ASKED, **request), 302, {"location": location})


@pytest.mark.parametrize(
    ("url", "location", "same"),
    [
        ("http://a.org/x", "https://a.org/x", True),
        ("https://a.org/x", "https://A.org:443/y#part", True),
        ("https://a.org/x", "y", True),
        ("https://a.org/x", "https://b.org/x", False),
        ("https://a.org/x", "//a.org.b.org/x", False),
        ("https://a.org/x", "https://a.org:8443/x", False),
        ("http://a.org:8080/x", "https://a.org/x", False),
    ],
)
def test_only_the_same_server_gets_the_credentials(url: str, location: str, same: bool) -> None:
    following = onward(url, location)
    assert following is not None
    assert following.untrusted
    assert following.headers == (ASKED if same else {"Accept": "*/*", "Range": "bytes=5-"})
    assert "#" not in following.url


@pytest.mark.parametrize(
    "location",
    ["http://a.org/x", "ftp://a.org/x", "file:///etc/passwd", "https://[x", "https://a:b/"],
)
def test_what_is_not_followed(location: str) -> None:
    with pytest.raises(NoAnswer, match="redirected"):
        onward("https://a.org/x", location)


def test_what_a_user_named_stays_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_ARCHIVE_URL", "https://b.org/data")
    trusted = onward("https://a.org/x", "https://b.org/x")
    named = onward("https://a.org/x", "https://b.org/x", untrusted=True)
    assert trusted is not None
    assert named is not None
    assert (trusted.untrusted, named.untrusted) == (False, True)


def test_an_answer_that_sends_nowhere_is_the_answer() -> None:
    assert redirects.onward(HttpRequest("GET", "https://a.org/x"), 302, {}) is None
    assert redirects.onward(HttpRequest("GET", "https://a.org/x"), 200, {"location": "/y"}) is None
