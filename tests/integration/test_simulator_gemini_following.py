"""The simulator of Gemini: the status service and the archive (card: Simulator)."""

from __future__ import annotations

import bz2
import hashlib
import io
import tarfile
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
import requests

from local.simulators.gemini import (
    ARCHIVE_PASSWORD,
    ARCHIVE_SESSION,
    ARCHIVE_USER,
    NORTH,
    GeminiServer,
)
from tests.integration.gemini_bench import NOW
from tests.integration.gemini_calls import FIRST, JSON, WINDOW, control, get, trigger
from tests.support.frozen import FrozenClock


@pytest.fixture
def gemini() -> Iterator[GeminiServer]:
    server = GeminiServer(FrozenClock(NOW))
    server.start()
    yield server
    server.stop()


def statuses(gemini: GeminiServer, selector: str = "observations", **query: str) -> dict[str, str]:
    query = {"programReference": NORTH, **query}
    answer = get(gemini, f"/north/odbbrowser/{selector}", params=query)
    assert answer.headers["Content-Type"] == "application/xml"
    found = ElementTree.fromstring(answer.content).iter("observation")
    return {each.findtext("id", "")[len(NORTH) + 1 :]: each.findtext("status", "") for each in found}


def test_statuses_go_by_the_clock(gemini: GeminiServer) -> None:
    trigger(gemini, **WINDOW)
    trigger(gemini, ready="false")
    late = {"windowDate": "2026-12-02", "windowTime": "05:00", "windowDuration": "1"}
    trigger(gemini, **late)
    seen = []
    for seconds in (0, 1800, 1800, 86400):
        control(gemini, "/_clock", advance_s=seconds)
        found = statuses(gemini)
        seen.append((found["40"], found["41"], found["42"], found["21"]))
    assert seen == [
        ("Ready", "On Hold", "Ready", "On Hold"),
        ("Ongoing", "On Hold", "Ready", "On Hold"),
        ("Observed", "On Hold", "Ready", "On Hold"),
        ("Observed", "On Hold", "Observed", "On Hold"),
    ]


def test_people_set_statuses(gemini: GeminiServer) -> None:
    trigger(gemini)
    for status in ("Inactive", "For Activation", "Observed"):
        assert control(gemini, "/_observe", observation=FIRST, status=status).status_code == 200
        assert statuses(gemini)["40"] == status
    assert control(gemini, "/_observe", observation=FIRST, status="Done").status_code == 400
    assert control(gemini, "/_observe", observation="GN-1", status="Ready").status_code == 404
    control(gemini, "/_observe", observation=FIRST, remove=True)
    assert "40" not in statuses(gemini)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"observationStatus": "on hold"}, {"21", "22", "23"}),
        ({"observationName": "ToO*"}, {"21", "22", "23"}),
        ({"observationName": "%R150"}, {"21"}),
        ({"observationInstrument": "GNIRS|gmos-?"}, {"20", "21", "22", "23"}),
        ({"observationInstrument": "GMOS"}, set()),
        ({"programActive": "No"}, set()),
        ({"programReference": "GN-0"}, set()),
    ],
)
def test_queries(gemini: GeminiServer, query: dict[str, str], numbers: set[str]) -> None:
    assert set(statuses(gemini, **query)) == numbers


def test_selectors(gemini: GeminiServer) -> None:
    trigger(gemini)
    assert statuses(gemini, "programs") == {}
    assert "<targets>" in get(gemini, "/north/odbbrowser/targets").text
    answer = get(gemini, "/north/odbbrowser/notes")
    assert (answer.status_code, answer.text) == (
        400,
        "ERROR: Invalid query selector: /notes. Should start with /programs, /observations or /targets",
    )
    answer = get(gemini, "/north/odbbrowser/observations", params={"colour": "red"})
    assert (answer.status_code, answer.text) == (400, "ERROR: Invalid parameter: colour")
    assert answer.headers["Content-Type"].startswith("text/plain")


# -- the archive


def summary(gemini: GeminiServer) -> list[JSON]:
    found: list[JSON] = get(gemini, f"/archive/jsonsummary/canonical/{FIRST}").json()
    return found


def test_files_come_with_the_observation(gemini: GeminiServer) -> None:
    trigger(gemini)
    assert summary(gemini) == []
    nothing = get(gemini, f"/archive/download/canonical/present/{FIRST}")
    assert (nothing.status_code, nothing.text) == (200, "No files to download.")
    control(gemini, "/_observe", observation=FIRST, status="Ongoing")
    assert [each["observation_class"] for each in summary(gemini)] == ["acq"]
    control(gemini, "/_observe", observation=FIRST, status="Observed")
    found = summary(gemini)
    assert [each["observation_class"] for each in found] == ["acq", "science", "partnerCal"]
    assert [each["ra"] is None for each in found] == [True, True, False]
    listed = get(gemini, f"/archive/jsonfilelist/canonical/{FIRST}").json()
    assert [each["name"] for each in listed] == [each["name"] for each in found]
    assert "qa_state" not in listed[0]


def test_files_are_proprietary_until_their_release(gemini: GeminiServer) -> None:
    trigger(gemini)
    control(gemini, "/_observe", observation=FIRST, status="Observed")
    _, science, arc = summary(gemini)
    plain = get(gemini, f"/archive/file/{arc['name']}")
    assert (plain.status_code, plain.headers["Content-Type"]) == (200, "application/fits")
    assert hashlib.md5(plain.content, usedforsecurity=False).hexdigest() == arc["data_md5"]
    packed = get(gemini, f"/archive/file/{arc['name']}.bz2")
    assert (bz2.decompress(packed.content), len(packed.content)) == (plain.content, arc["file_size"])
    assert get(gemini, f"/archive/file/{science['name']}").status_code == 403
    assert get(gemini, "/archive/file/N20260101S0001.fits").status_code == 404
    cookie = {"gemini_archive_session": ARCHIVE_SESSION}
    assert get(gemini, f"/archive/file/{science['name']}", cookies=cookie).status_code == 200
    control(gemini, "/_clock", advance_s=366 * 86400)
    assert get(gemini, f"/archive/file/{science['name']}").status_code == 200


def test_a_tar_of_what_may_be_had(gemini: GeminiServer) -> None:
    trigger(gemini)
    control(gemini, "/_observe", observation=FIRST, status="Observed")
    names = [f"{each['name']}.bz2" for each in summary(gemini)]
    answer = get(gemini, f"/archive/download/canonical/present/{FIRST}")
    assert answer.headers["Content-Type"] == "application/tar"
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        assert tar.getnames() == [names[2], "md5sums.txt", "README.txt"]
        readme = tar.extractfile("README.txt")
        assert readme
        assert names[1].removesuffix(".bz2").encode() in readme.read()


@pytest.mark.parametrize(("password", "cookie"), [(ARCHIVE_PASSWORD, ARCHIVE_SESSION), ("wrong", None)])
def test_only_the_cookie_tells_a_login(gemini: GeminiServer, password: str, cookie: str | None) -> None:
    account = {"username": ARCHIVE_USER, "password": password}
    answer = requests.post(f"{gemini.url}/archive/login", account, timeout=10)
    assert (answer.status_code, answer.cookies.get("gemini_archive_session")) == (200, cookie)


def test_there_is_nothing_else(gemini: GeminiServer) -> None:
    for path in ("/too", "/east/too", "/north/cancel", f"/archive/file/{NORTH}/x"):
        answer = get(gemini, path)
        assert answer.status_code == 404
        assert "Jetty" in answer.text
    assert requests.delete(f"{gemini.url}/north/too", timeout=10).status_code == 405
    assert gemini.extra_urls() == {name: f"{gemini.url}/{name}" for name in ("north", "south", "archive")}
