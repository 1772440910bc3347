"""The LT's data pages: nights behind a password, quicklook, the public night log (card, Data products).

Beside the groups of the simulator each night holds one frame of somebody else's group in the proposal.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from werkzeug import Request, Response

from local.simulators.lt.document import Observation
from local.simulators.lt.phase2 import FAILED, Attempt, Group, Phase2
from local.simulators.lt.seed import INSTRUMENTS, Proposal

QUICKLOOK_DELAY, QUICKLOOK_LIFE = timedelta(minutes=5), timedelta(days=7)
REDUCED_LIFE = timedelta(days=30)
_READY = timedelta(hours=22)  # after the evening's noon: 10:00 UT of the morning after
FOREIGN = "somebody_elses_group_1"
_REALM = {"WWW-Authenticate": 'Basic realm="LT data"'}


@dataclass(frozen=True)
class Frame:
    """One exposure of a group."""

    stem: str
    group: str
    schedule: Observation
    at: datetime

    def name(self, level: int) -> str:
        """Without suffix."""
        return f"{self.stem}_{level}"


def night_of(at: datetime) -> str:
    """The evening's date."""
    return (at - timedelta(hours=12)).strftime("%Y%m%d")


def ready_at(night: str) -> datetime:
    """When the night's reduced files and its log are out."""
    return datetime.strptime(night, "%Y%m%d").replace(hour=12, tzinfo=UTC) + _READY


class DataPages:
    """What the pages show at a time."""

    def __init__(self, phase2: Phase2, proposals: Mapping[str, Proposal]) -> None:
        self._phase2, self._proposals = phase2, proposals
        self.log_released = True

    def frames(self, proposal: str | None, night: str, now: datetime) -> list[Frame]:
        """What has been exposed for a proposal (None: for all) in a night, so far."""
        found: list[Frame] = []
        for group in self._phase2.groups:
            if proposal in (None, group.proposal):
                for attempt in group.attempts(now):
                    if attempt.kind != FAILED and night_of(attempt.at) == night:
                        found += _frames(group, attempt, night)
        if found:
            found.append(Frame(f"h_e_{night}_99_1_1", FOREIGN, found[0].schedule, found[0].at))
        return found

    def recent(
        self, request: Request, proposal: str, now: datetime, night: str | None, name: str
    ) -> Response:
        """`/DataProd/RecentData/...`: nights, a night's files, or a file."""
        refused = self._refuse(request, proposal)
        if refused:
            return refused
        nights = [each for each in self._nights(proposal, now) if now < ready_at(each) + REDUCED_LIFE]
        if night is None:
            return _index(f"/DataProd/RecentData/{proposal}/", [f"{each}/" for each in nights])
        files = self._reduced(proposal, night, now) if night in nights else {}
        if name:
            return _file(files[name], name) if name in files else _missing()
        return _index(f"/DataProd/RecentData/{proposal}/{night}/", list(files)) if files else _missing()

    def quicklook(self, request: Request, proposal: str, now: datetime, night: str, name: str) -> Response:
        """`/DataProd/quicklook/...`: the log and the frames beside it."""
        refused = self._refuse(request, proposal)
        if refused:
            return refused
        shown = [
            frame
            for frame in self.frames(proposal, night, now)
            if QUICKLOOK_DELAY <= now - frame.at < QUICKLOOK_LIFE
        ]
        if name == f"{night}.log" and shown:
            return Response(_log(shown, proposal, 9), 200, content_type="text/plain")
        for frame in shown:
            if name == f"{frame.name(9)}.fits.gz":
                return _file(_fits(frame, proposal), name)
        return _missing()

    def night_log(self, night: str, now: datetime) -> Response:
        """The public log, not there before the morning."""
        if not self.log_released or not night.isdigit() or now < ready_at(night):
            return _missing()
        rows = "".join(
            _log(self.frames(proposal, night, now), proposal, 1, header=not number)
            for number, proposal in enumerate(self._proposals)
        )
        return Response(rows, 200, content_type="text/plain")

    def _reduced(self, proposal: str, night: str, now: datetime) -> dict[str, bytes]:
        if now < ready_at(night):
            return {}
        files: dict[str, bytes] = {}
        for frame in self.frames(proposal, night, now):
            levels = (1, 2) if frame.stem[0] in "vbr" else (1,)
            for level in levels:
                files[f"{frame.name(level)}.fits"] = _fits(frame, proposal)
                files[f"{frame.name(level)}.head"] = _head(frame, proposal).encode()
        files[f"{proposal}_{night}.tgz"] = gzip.compress(b"", mtime=0)
        return files

    def _nights(self, proposal: str, now: datetime) -> list[str]:
        groups = (each for each in self._phase2.groups if each.proposal == proposal)
        attempts = (attempt for group in groups for attempt in group.attempts(now))
        return sorted({night_of(attempt.at) for attempt in attempts if attempt.kind != FAILED})

    def _refuse(self, request: Request, proposal: str) -> Response | None:
        given = request.authorization
        known = self._proposals.get(proposal)
        if given is None or given.type != "basic" or known is None:
            return Response("<html><body>401</body></html>", 401, _REALM, content_type="text/html")
        if (given.username, given.password) != (proposal, known.data_password):
            return Response("<html><body>401</body></html>", 401, _REALM, content_type="text/html")
        return None


def _frames(group: Group, attempt: Attempt, night: str) -> Iterator[Frame]:
    done = 0
    for number, schedule in enumerate(group.schedules):
        letter = INSTRUMENTS[str(schedule.device)].letter
        for exposure in range(1, schedule.count + 1):
            yield Frame(
                f"{letter}_e_{night}_{group.run * 10 + number}_{exposure}_1", group.name, schedule, attempt.at
            )
            done += 1
            if attempt.kind != "completed":
                return
        if letter == "v":
            yield Frame(f"v_a_{night}_{group.run * 10 + number}_1_1", group.name, schedule, attempt.at)


def _log(frames: list[Frame], proposal: str, level: int, *, header: bool = True) -> str:
    """17 columns behind 4 lines of header."""
    lines = ["# LT observing log", "#", "# utc name propid ra dec ...", "#"] if header else []
    for frame in frames:
        one = frame.schedule
        columns = (
            frame.at.strftime("%H:%M:%S"),
            one.target.replace(" ", "_"),
            proposal,
            f"{one.ra_deg:.5f}",
            f"{one.dec_deg:+.5f}",
            "1.20",
            one.device,
            one.filter or "-",
            "2x2",
            one.grating or "-",
            f"{one.exposure_s:.1f}",
            "1.1",
            "0.5",
            frame.name(level),
            frame.group,
            "0",
            "1",
        )
        lines.append(" ".join(map(str, columns)))
    return "\n".join([*lines, ""])


def _cards(frame: Frame, proposal: str) -> list[str]:
    values = {
        "SIMPLE": "T",
        "BITPIX": "8",
        "NAXIS": "0",
        "GROUPID": f"'{frame.group}'",
        "PROPID": f"'{proposal}'",
        "OBJECT": f"'{frame.schedule.target}'",
        "DATE-OBS": f"'{frame.at.strftime('%Y-%m-%dT%H:%M:%S')}'",
        "EXPTIME": f"{frame.schedule.exposure_s}",
        "FILTER1": f"'{frame.schedule.filter or 'clear'}'",
    }
    return [f"{name:<8}= {value:>20}"[:80] for name, value in values.items()]


def _head(frame: Frame, proposal: str) -> str:
    return "\n".join([*_cards(frame, proposal), "END", ""])


def _fits(frame: Frame, proposal: str) -> bytes:
    """One header block without data."""
    cards = [*_cards(frame, proposal), "END"]
    return "".join(card.ljust(80) for card in cards).ljust(2880).encode("ascii", "replace")


def _file(content: bytes, name: str) -> Response:
    if name.endswith(".fits.gz"):
        return Response(gzip.compress(content, mtime=0), 200, content_type="application/x-gzip")
    kind = "text/plain" if name.endswith(".head") else "application/octet-stream"
    return Response(content, 200, content_type=kind)


def _index(path: str, names: list[str]) -> Response:
    rows = "".join(f'<li><a href="{name}">{name}</a></li>' for name in ["../", *names])
    body = f"<html><head><title>Index of {path}</title></head><body><ul>{rows}</ul></body></html>"
    return Response(body, 200, content_type="text/html")


def _missing() -> Response:
    body = "<html><head><title>404 Not Found</title></head><body>Not Found</body></html>"
    return Response(body, 404, content_type="text/html")
