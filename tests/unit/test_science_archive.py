"""What a completed request's frames come to: pages, levels, "not yet", and an archive that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from slew.facility import HttpLink, Progress
from slew.science_archive import Archive, Wanted, with_frames
from slew.status import Status
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


FRAME = {
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
WANTED = Wanted((91,), "EXPOSE", count=2)


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
    }
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


def test_it_is_looked_again_until_all_expected_frames_are_there(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames(FRAME)
    assert complete(script, http, timedelta(hours=2)).next_poll_s == 1800
    assert complete(script, http, timedelta(hours=2), replace(WANTED, count=1)).next_poll_s is None
    assert complete(script, http, timedelta(hours=25)).next_poll_s is None


def test_each_level_is_asked_for(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames(FRAME)
    complete(script, http, wanted=Wanted((90, 91), "SPECTRUM", 1))
    assert ["reduction_level=90" in call for call in script.calls()] == [True, False]
    assert all("configuration_type=SPECTRUM" in call for call in script.calls())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"detail": "Invalid token."}), "the archive refused the credentials (Invalid token.)"),
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
    assert done.next_poll_s == (77 if answer[0] == 429 else 1800)
