"""What a completed request's frames come to: pages, levels, "not yet", and an archive that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from slew.errors import NoAnswer, Rejected
from slew.facility import HttpLink, Progress
from slew.science_archive import Archive, Wanted, with_frames
from slew.status import Status
from slew.wire import HttpRequest
from tests.lco_orders import NOW, Script, link, scripted
from tests.portal_answers import HTML, PAGE, observation, told

JSON = dict[str, Any]


@pytest.fixture
def script() -> Iterator[Script]:
    with scripted() as running:
        yield running


@pytest.fixture
def http() -> HttpLink:
    return link("archive-token").http


FRAME: JSON = {
    "id": 91234567,
    "basename": "lsc1m005-fa15-20261122-0123-e91",
    "filename": "lsc1m005-fa15-20261122-0123-e91.fits.fz",
    "observation_date": "2026-11-23T02:10:42.123000Z",
    "reduction_level": 91,
    "exposure_time": 300.0,
    "primary_optical_element": "gp",
    "request_id": 4181234,
    "version_set": [
        {"md5": "9e107d9d372bb6826bd81d3542a419d6", "url": "https://store/?X-Amz-Signature=0123"}
    ],
    "url": "https://store/?X-Amz-Signature=0123",
}
WANTED = Wanted(2, (91,), "EXPOSE")


def frames(*found: Any, next_page: bool = False) -> Any:
    return (200, {"next": "http://elsewhere/" if next_page else None, "results": [*found]})


def complete(
    script: Script, http: HttpLink, after: timedelta = timedelta(0), wanted: Wanted = WANTED
) -> Progress:
    ended = told("COMPLETED", [observation("COMPLETED")])
    later = told("COMPLETED", [], facility_data=ended.data, now=NOW + after)
    return with_frames(later, Archive(script.url, SecretStr("archive-token"), http), wanted, NOW + after)


def test_frames_are_listed_page_by_page_without_presigned_links(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = [frames(FRAME, next_page=True), frames({**FRAME, "id": 2})]
    done = complete(script, http)
    assert done.status is Status.COMPLETE
    assert done.products is not None
    assert done.products[0] == {
        "frame_id": 91234567,
        "filename": "lsc1m005-fa15-20261122-0123-e91.fits.fz",
        "filter": "gp",
        "date": "2026-11-23T02:10:42.123000Z",
        "exposure_time": 300.0,
        "reduction_level": 91,
        "md5": "9e107d9d372bb6826bd81d3542a419d6",
        "request_id": 4181234,
        "frame_url": f"{script.url}/frames/91234567/",
        "name": "91234567-lsc1m005-fa15-20261122-0123-e91.fits.fz",
        "kind": "image",
        "content_type": "application/fits",
    }
    assert done.products[1]["name"] == "2-lsc1m005-fa15-20261122-0123-e91.fits.fz"  # of the same file name
    assert [each["frame_id"] for each in done.products] == [91234567, 2]
    assert "X-Amz" not in repr(done)
    query = (
        "request_id=4181234&reduction_level=91&configuration_type=EXPOSE"
        "&include_related_frames=false&limit=1000"
    )
    assert script.calls() == [f"GET /frames/?{query}&offset=0", f"GET /frames/?{query}&offset=1"]
    assert {headers["Authorization"] for _, _, headers, _ in script.seen} == {"Token archive-token"}
    assert done.next_poll_s == 3600  # all there: only the last look is left


def test_an_empty_list_is_not_yet_for_a_day_and_then_the_raw_frames(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames()
    soon = complete(script, http)
    assert (soon.status, soon.products, soon.next_poll_s) == (Status.COMPLETE, None, 1800)
    assert complete(script, http, timedelta(hours=20)).next_poll_s == 1800
    assert not any("reduction_level=0&" in call for call in script.calls())
    script.answers["GET /frames/"] = [frames(), frames({**FRAME, "reduction_level": 0})]
    over = complete(script, http, timedelta(hours=24))
    assert over.products is not None
    assert over.products[0]["reduction_level"] == 0
    assert over.next_poll_s is None


def test_frames_of_every_level_and_type(script: Script, http: HttpLink) -> None:
    wanted = Wanted(1, elsewhere="look elsewhere")
    script.answers["GET /frames/"] = frames()
    assert complete(script, http, wanted=wanted).text == "COMPLETED; no frames yet"
    over = complete(script, http, timedelta(hours=24), wanted)
    assert (over.text, over.next_poll_s) == ("COMPLETED; look elsewhere", None)
    query = "request_id=4181234&include_related_frames=false&limit=1000&offset=0"
    assert script.calls() == [f"GET /frames/?{query}"] * 2


@pytest.mark.parametrize(
    ("frame", "product"),
    [
        ({"configuration_type": "EXPOSE"}, ("lsc-e91.fits.fz", "image", "application/fits")),
        ({"configuration_type": "ARC"}, ("lsc-e91.fits.fz", "spectrum", "application/fits")),
        ({"filename": "night.tar.gz"}, ("night.tar.gz", "archive", "application/gzip")),
        ({"filename": "../a b/é.fits"}, ("_a_b__.fits", "image", "application/fits")),
        ({"filename": None, "basename": "raw"}, ("raw", "image", None)),
        ({"filename": "..."}, ("frame", "image", None)),
        ({"filename": None, "basename": None}, ("frame-91234567", "image", None)),
    ],
)
def test_a_frame_is_a_product(
    script: Script, http: HttpLink, frame: JSON, product: tuple[str, str, str | None]
) -> None:
    script.answers["GET /frames/"] = frames({**FRAME, "filename": "lsc-e91.fits.fz", **frame})
    (listed,) = complete(script, http).products or ()
    assert (listed["name"], listed["kind"], listed.get("content_type")) == product


def test_a_frame_is_fetched_by_a_fresh_link_without_credentials(script: Script, http: HttpLink) -> None:
    archive = Archive(script.url, SecretStr("archive-token"), http)
    script.answers["GET /frames/91234567/"] = (200, FRAME)
    assert archive.download({"frame_id": 91234567}) == HttpRequest("GET", FRAME["url"])
    assert script.seen[0][2]["Authorization"] == "Token archive-token"
    unreadable: list[Any] = [
        (200, {}),
        (200, {"url": "file:///etc"}),
        (200, []),
        (404, {}),
        (503, PAGE, HTML),
    ]
    for answer in unreadable:
        script.answers["GET /frames/91234567/"] = answer
        with pytest.raises(NoAnswer):
            archive.download({"frame_id": 91234567})
    script.answers["GET /frames/91234567/"] = (401, {"detail": "Invalid token."})
    with pytest.raises(Rejected, match="the archive refused the credentials"):
        archive.download({"frame_id": 91234567})


def test_it_is_looked_again_until_all_expected_frames_are_there(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames(FRAME)
    assert complete(script, http, timedelta(hours=2)).next_poll_s == 1800
    assert complete(script, http, timedelta(hours=2), replace(WANTED, count=1)).next_poll_s is None
    assert complete(script, http, timedelta(hours=25)).next_poll_s is None


def test_each_level_is_asked_for(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames(FRAME)
    complete(script, http, wanted=Wanted(1, (90, 91), "SPECTRUM"))
    assert ["reduction_level=90" in call for call in script.calls()] == [True, False]
    assert all("configuration_type=SPECTRUM" in call for call in script.calls())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"detail": "Invalid token."}), "the archive refused the credentials (Invalid token.)"),
        ((429, {"detail": "throttled"}, {"Retry-After": "7200"}), "throttled"),
        ((429, {"detail": "throttled"}, {"Retry-After": "77"}), "throttled"),
        ((503, PAGE, HTML), "HTTP 503"),
        ((200, PAGE, HTML), "not JSON"),
        ((200, []), "cannot be read"),
        *(
            (frames(FRAME, bad), "archive: its answer cannot be read")
            for bad in (
                {"nope": 1},
                ["x"],
                "x",
                None,
                {**FRAME, "id": None},
                {**FRAME, "id": {"a": 1}},
                *({**FRAME, "version_set": wrong} for wrong in ("x", 5, {"md5": "x"}, ["x"], [None])),
                {**FRAME, "filename": ["x"]},
                {**FRAME, "exposure_time": float("nan")},
            )
        ),
    ],
)
def test_an_archive_that_fails_does_not_take_the_completion_away(
    script: Script, http: HttpLink, answer: Any, words: str
) -> None:
    script.answers["GET /frames/"] = answer
    done = complete(script, http)
    assert done.status is Status.COMPLETE
    assert words in done.text
    assert done.products is None
    assert done.next_poll_s == (7200 if "7200" in str(answer) else 1800)


def test_an_archive_that_is_down_when_the_day_is_over_is_asked_on(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = (503, PAGE, HTML)
    assert complete(script, http, timedelta(hours=24)).next_poll_s == 3 * 3600
    assert complete(script, http, timedelta(days=6)).next_poll_s == 18 * 3600
    assert complete(script, http, timedelta(days=7)).next_poll_s is None
    script.answers["GET /frames/"] = frames(FRAME)
    late = complete(script, http, timedelta(days=6))
    assert (len(late.products or ()), late.next_poll_s) == (1, None)


def test_an_archive_that_refuses_the_token_is_asked_for_a_day(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = (401, {"detail": "Invalid token."})
    assert complete(script, http, timedelta(hours=23)).next_poll_s == 1800
    assert complete(script, http, timedelta(hours=24)).next_poll_s is None
