"""Frames in a Science Archive: what there is of a request, and where (facility cards, Retrieve)."""

from __future__ import annotations

from collections import Counter
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
from slew.pages import file_name
from slew.portal_progress import ended_at
from slew.wire import Answer, HttpRequest, NotJson

Frame = Mapping[str, Any]

PAGE = 1000
_PAGES = 20
LOOK_AGAIN_S = 1800.0
LOOK_FOR = timedelta(hours=24)
ASK_FOR = timedelta(days=7)
"""How long an archive is asked that does not answer; only one that does ends the looking after a day."""
_UNREADABLE = "archive: its answer cannot be read"
_SPECTRAL = frozenset({"SPECTRUM", "REPEAT_SPECTRUM", "ARC", "LAMP_FLAT"})
_CONTENT_TYPES = {".fits": "application/fits", ".fits.fz": "application/fits", ".tar.gz": "application/gzip"}


@dataclass(frozen=True)
class Wanted:
    """Which frames to list, and how many to expect.

    Without `levels` those of every processing level, without a configuration type those of every one.
    `raw_level`: what is named in place of reduced frames that have not come after a day; `elsewhere`: what to
    tell where none at all have come by then.
    """

    count: int
    levels: Sequence[int] = ()
    configuration_type: str | None = None
    raw_level: int = 0
    elsewhere: str = ""


class Archive:
    """An archive seen with one token: without it only public frames are listed, and nothing tells so."""

    def __init__(self, url: str, token: SecretStr, http: HttpLink) -> None:
        self._url, self._token, self._http = url, token, http

    def frames(self, request_id: int, level: int | None, configuration_type: str | None) -> list[Frame]:
        """All frames of one (child) request; None for any level or type. Raises NoAnswer or Rejected."""
        query = {
            "request_id": request_id,
            **({} if level is None else {"reduction_level": level}),
            **({} if configuration_type is None else {"configuration_type": configuration_type}),
            "include_related_frames": "false",
            "limit": PAGE,
        }
        found: list[Frame] = []
        for _ in range(_PAGES):
            # Pages by offset: the token is not sent to a URL of somebody else's choice, as `next` would be.
            page = self._get(f"/frames/?{urlencode({**query, 'offset': len(found)})}")
            if not isinstance(page.get("results"), list):
                raise NoAnswer(_UNREADABLE)
            found += self._frames(page["results"])
            if not page.get("next") or not page["results"]:
                break
        return found

    def download(self, frame: Frame) -> HttpRequest:
        """The request for a frame's file: a fresh presigned link, which refuses a second authentication.

        Raises NoAnswer or Rejected.
        """
        url = self._get(f"/frames/{int(frame['frame_id'])}/").get("url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise NoAnswer("archive: it gives no link to the frame")
        return HttpRequest("GET", url)

    def _frames(self, results: list[Any]) -> list[Frame]:
        try:
            return [self._frame(each) for each in results]
        except (LookupError, TypeError, ValueError, AttributeError):
            raise NoAnswer(_UNREADABLE) from None

    def _frame(self, each: Mapping[str, Any]) -> Frame:
        """What is kept. Its `url` is presigned and ends after two days: `download` gives a fresh one."""
        frame_id = each["id"]
        filename = each.get("filename") or each.get("basename")
        versions = each.get("version_set") or [{}]
        kept = {
            "frame_id": frame_id,
            "filename": filename,
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
        return {**kept, **_described(str(filename or f"frame-{frame_id}"), each.get("configuration_type"))}

    def _get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Token {self._token.get_secret_value()}", "Accept": "application/json"}
        answer = self._http.read(HttpRequest("GET", self._url + path, headers))
        _check(answer)
        try:
            page = answer.json()
        except NotJson as error:
            raise NoAnswer(f"archive: {error}") from None
        if not isinstance(page, dict):
            raise NoAnswer(_UNREADABLE)
        return page


def with_frames(progress: Progress, archive: Archive, wanted: Wanted, now: datetime) -> Progress:
    """A completed request's progress with its frames.

    Reduced frames appear minutes after completion, spectra after the night, some never: it is looked again
    until all expected ones are there, for a day; raw frames are named where nothing else has come by then. An
    archive that does not answer then is asked on.
    """
    ended = ended_at(progress.data) or now
    over = now - ended >= LOOK_FOR
    children = progress.data["request_ids"]
    try:
        frames = _listed(archive, children, wanted.levels or [None], wanted.configuration_type)
        if over and not frames and wanted.levels:
            frames = _listed(archive, children, [wanted.raw_level], wanted.configuration_type)
    except Rejected as error:
        again = None if over else LOOK_AGAIN_S
        return replace(progress, text=f"{progress.text}; {error.reason}", next_poll_s=again)
    except NoAnswer as error:
        again = _silent_s(now - ended, error.retry_after)
        return replace(progress, text=f"{progress.text}; {error.reason}", next_poll_s=again)
    missing = (wanted.elsewhere if over else "") or "no frames yet"
    text = f"{progress.text}; {f'{len(frames)} frames' if frames else missing}"
    again = progress.next_poll_s
    if len(frames) < wanted.count and not over:
        again = min(LOOK_AGAIN_S, again or LOOK_AGAIN_S)
    return replace(progress, text=text, products=tuple(_each_named(frames)) or None, next_poll_s=again)


def _silent_s(age: timedelta, asked_s: float | None) -> float | None:
    """Seconds until an archive that does not answer is asked again, ever more rarely; None: no more."""
    if age >= ASK_FOR:
        return None
    return max(LOOK_AGAIN_S, asked_s or 0.0, age.total_seconds() / 8 if age >= LOOK_FOR else 0.0)


def _listed(
    archive: Archive, children: Sequence[int], levels: Sequence[int | None], configuration_type: str | None
) -> list[Frame]:
    return [
        frame
        for child in children
        for level in levels
        for frame in archive.frames(child, level, configuration_type)
    ]


def _described(filename: str, configuration_type: Any) -> dict[str, str]:
    """A frame as any facility's product: its name, its kind, and the type of its content where known."""
    name = file_name(filename).lstrip(".") or "frame"
    kind = "spectrum" if configuration_type in _SPECTRAL else "image"
    ending = max((each for each in _CONTENT_TYPES if name.endswith(each)), key=len, default="")
    return {
        "name": name,
        "kind": "archive" if ending == ".tar.gz" else kind,
        **({"content_type": _CONTENT_TYPES[ending]} if ending else {}),
    }


def _each_named(frames: Sequence[Frame]) -> list[Frame]:
    """The frames, those of one name told apart by their ids."""
    count = Counter(frame["name"] for frame in frames)
    return [
        frame if count[frame["name"]] == 1 else {**frame, "name": f"{frame['frame_id']}-{frame['name']}"}
        for frame in frames
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
    raise NoAnswer(f"archive: HTTP {answer.status}", answer.retry_after)
