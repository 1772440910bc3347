"""Frames in a Science Archive: what there is of a request, and where (facility cards, Retrieve)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from slew import drf
from slew.errors import NoAnswer, Rejected
from slew.facility import HttpLink, Progress
from slew.portal_progress import ended_at
from slew.wire import Answer, HttpRequest, NotJson

Frame = Mapping[str, Any]

PAGE = 1000
_PAGES = 20
LOOK_AGAIN_S = 1800.0
LOOK_FOR = timedelta(hours=24)
_UNREADABLE = "archive: its answer cannot be read"


@dataclass(frozen=True)
class Wanted:
    """Which frames to list: processing levels, configuration type, how many to expect, the raw level."""

    levels: Sequence[int]
    configuration_type: str
    count: int
    raw_level: int = 0


class Archive:
    """An archive seen with one token: without it only public frames are listed, and nothing tells so."""

    def __init__(self, url: str, token: SecretStr, http: HttpLink) -> None:
        self._url, self._token, self._http = url, token, http

    def frames(self, request_id: int, level: int, configuration_type: str) -> list[Frame]:
        """All frames of one (child) request at one level. Raises NoAnswer or Rejected."""
        query = {
            "request_id": request_id,
            "reduction_level": level,
            "configuration_type": configuration_type,
            "include_related_frames": "false",
            "limit": PAGE,
        }
        found: list[Frame] = []
        for _ in range(_PAGES):
            # Pages by offset: the token is not sent to a URL of somebody else's choice, as `next` would be.
            page = self._get(f"/frames/?{urlencode({**query, 'offset': len(found)})}")
            found += self._frames(page["results"])
            if not page.get("next") or not page["results"]:
                break
        return found

    def _frames(self, results: list[Any]) -> list[Frame]:
        try:
            return [self._frame(each) for each in results]
        except (LookupError, TypeError, ValueError, AttributeError):
            raise NoAnswer(_UNREADABLE) from None

    def _frame(self, each: Mapping[str, Any]) -> Frame:
        """What is kept. Its `url` is presigned and ends after two days: `frame_url` gives a fresh one."""
        frame_id = each["id"]
        versions = each.get("version_set") or [{}]
        kept = {
            "frame_id": frame_id,
            "filename": each.get("filename") or each.get("basename"),
            "filter": each.get("primary_optical_element"),
            "date": each.get("observation_date"),
            "exposure_time": each.get("exposure_time"),
            "reduction_level": each.get("reduction_level"),
            "md5": versions[0].get("md5"),
            "request_id": each.get("request_id"),
            "frame_url": f"{self._url}/frames/{frame_id}/",
        }
        if not isinstance(frame_id, int) or not all(map(_is_plain, kept.values())):
            raise TypeError("a frame's id is not a number, or a field neither text nor number")
        return kept

    def _get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Token {self._token.get_secret_value()}", "Accept": "application/json"}
        answer = self._http.read(HttpRequest("GET", self._url + path, headers))
        _check(answer)
        try:
            page = answer.json()
        except NotJson as error:
            raise NoAnswer(f"archive: {error}") from None
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise NoAnswer(_UNREADABLE)
        return page


def with_frames(progress: Progress, archive: Archive, wanted: Wanted, now: datetime) -> Progress:
    """A completed request's progress with its frames.

    Reduced frames appear minutes after completion, spectra after the night, some never: it is looked again
    until all expected ones are there, for a day; raw frames are named where nothing else has come by then.
    """
    ended = ended_at(progress.data) or now
    over = now - ended >= LOOK_FOR
    try:
        frames = _listed(archive, progress.data["request_ids"], wanted.levels, wanted.configuration_type)
        if over and not frames:
            frames = _listed(
                archive, progress.data["request_ids"], [wanted.raw_level], wanted.configuration_type
            )
    except (NoAnswer, Rejected) as error:
        again = None if over else (getattr(error, "retry_after", None) or LOOK_AGAIN_S)
        return replace(progress, text=f"{progress.text}; {error.reason}", next_poll_s=again)
    text = f"{progress.text}; {len(frames)} frames" if frames else f"{progress.text}; no frames yet"
    again = progress.next_poll_s
    if len(frames) < wanted.count and not over:
        again = min(LOOK_AGAIN_S, again or LOOK_AGAIN_S)
    return replace(progress, text=text, products=tuple(frames) or None, next_poll_s=again)


def _listed(
    archive: Archive, children: Sequence[int], levels: Sequence[int], configuration_type: str
) -> list[Frame]:
    return [
        frame
        for child in children
        for level in levels
        for frame in archive.frames(child, level, configuration_type)
    ]


def _is_plain(value: Any) -> bool:
    """Whether it is a value that a record can hold: JSON's NaN and Infinity are none."""
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))


def _check(answer: Answer) -> None:
    if answer.status == 200:
        return
    if answer.status == 429:
        raise NoAnswer("archive: throttled", drf.wait_s(answer))
    if answer.status in (401, 403):
        raise Rejected(f"the archive refused the credentials ({drf.refusal(answer)})")
    raise NoAnswer(f"archive: HTTP {answer.status}")
