"""The trigger's parameters: read and checked in the server's order, refused in its words (card: Submit)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

PROBES = ("PWFS1", "PWFS2", "OIWFS", "AOWFS")
LONGEST_EXPOSURE_S = 1200
_ANGLE = re.compile(r"([+-]?)(\d{1,3}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_BRIGHTNESS = re.compile(r"-?\d+(\.\d*)?/(u|g|r|i|z|U|B|V|UC|R|I|Y|J|H|K|L|M|N|Q|AP)/(Vega|AB|Jy)", re.ASCII)
_ELEVATION_TYPES = {"none": "none", "hourangle": "hourAngle", "airmass": "airmass"}


class Bad(Exception):
    """HTTP 400 with this reason."""


@dataclass(frozen=True)
class Window:
    """A timing window: start (UTC) and whole hours."""

    start: datetime
    hours: int

    def contains(self, moment: datetime) -> bool:
        """Whether it is open then."""
        return self.start <= moment < self.start + timedelta(hours=self.hours)


@dataclass(frozen=True)
class Elevation:
    """An elevation constraint; `low` and `high` airmass or hours."""

    kind: str
    low: float
    high: float


@dataclass(frozen=True)
class GuideStar:
    """A guide star, degrees."""

    name: str
    ra_deg: float
    dec_deg: float
    probe: str
    mags: str


@dataclass(frozen=True)
class Trigger:
    """A trigger that has passed all checks of its form."""

    programme: str
    email: str
    password: str
    number: int | None
    title: str | None
    target: str
    ra_deg: float
    dec_deg: float
    mags: str
    guide_star: GuideStar | None
    posangle_deg: float
    exptime_s: int | None
    elevation: Elevation | None
    window: Window | None
    note: tuple[str, str] | None
    group: str | None
    ready: bool


def read(given: Mapping[str, str]) -> Trigger:
    """A trigger from the request's parameters; unknown ones are ignored. Raises Bad."""
    number, title = _identity(given)
    ra, dec = _position(given, "ra", "dec", needs=("target", "ra", "dec"))
    return Trigger(
        programme=given["prog"],
        email=given["email"],
        password=given["password"],
        number=number,
        title=title,
        target=given["target"].strip(),
        ra_deg=ra,
        dec_deg=dec,
        mags=_mags(given, "mags"),
        guide_star=_guide_star(given),
        posangle_deg=_posangle(given),
        exptime_s=_exptime(given),
        elevation=_elevation(given),
        window=_window(given),
        note=_note(given),
        group=given.get("group", "").strip() or None,
        ready=given.get("ready", "").lower() == "true",
    )


def _identity(given: Mapping[str, str]) -> tuple[int | None, str | None]:
    if "prog" not in given:
        raise Bad('missing "prog" param')
    if not re.fullmatch(r"[a-zA-Z0-9-]*", given["prog"]):
        raise Bad('illegal program id "prog"')
    for name in ("email", "password"):
        if name not in given:
            raise Bad(f'missing "{name}"')
    if "obsnum" in given:
        text = given["obsnum"]
        if not re.fullmatch(r"\+?[0-9]{1,10}", text) or not 0 < int(text) < 2**31:
            raise Bad('"obsnum" must be a positive integer')
        return int(text), None
    if "obs" not in given:
        raise Bad('one of "obs" or "obsnum" must be specified')
    return None, given["obs"]


def _position(given: Mapping[str, str], ra: str, dec: str, needs: tuple[str, ...]) -> tuple[float, float]:
    for name in needs:
        if not given.get(name, "").strip():
            raise Bad(f"missing '{name}'")
    return _angle(given[ra], "ra", 15.0), _angle(given[dec], "dec", 1.0)


def _angle(text: str, name: str, scale: float) -> float:
    """Degrees from decimal degrees or sexagesimal text, whose unit is `scale` degrees."""
    text = text.strip()
    match = _ANGLE.fullmatch(text)
    if match:
        sign, whole, minutes, seconds = match.groups()
        if int(minutes) < 60 and float(seconds) < 60:
            value = int(whole) + int(minutes) / 60 + float(seconds) / 3600
            return (-value if sign == "-" else value) * scale
        raise Bad(f'cannot parse the {name} "{text}"')
    try:
        return float(text)
    except ValueError:
        raise Bad(f'cannot parse the {name} "{text}"') from None


def _mags(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "").strip()
    if text and not all(_BRIGHTNESS.fullmatch(part) for part in text.split(",")):
        raise Bad(f"invalid magnitude list: {text}")
    return text


def _guide_star(given: Mapping[str, str]) -> GuideStar | None:
    if not {"gstarget", "gsra", "gsdec", "gsprobe", "gsmags"} & set(given):
        return None
    ra, dec = _position(given, "gsra", "gsdec", needs=("gsra", "gsdec", "gsprobe"))
    probe = given["gsprobe"].strip()
    if probe not in PROBES:
        raise Bad(f'cannot parse the guide probe "{probe}"')
    return GuideStar(given.get("gstarget", "").strip() or "GS", ra, dec, probe, _mags(given, "gsmags"))


def _posangle(given: Mapping[str, str]) -> float:
    text = given.get("posangle", "0.0").strip()
    try:
        return float(text)
    except ValueError:
        raise Bad(f'cannot parse position angle "{text}"') from None


def _exptime(given: Mapping[str, str]) -> int | None:
    if "exptime" not in given:
        return None
    text = given["exptime"].strip()
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise Bad(f"cannot parse exptime value `{text}` as an integer number of seconds")
    if int(text) < 1:
        raise Bad("minimum exptime is 1 sec")
    if int(text) > LONGEST_EXPOSURE_S:
        raise Bad(f"maximum exptime is {LONGEST_EXPOSURE_S} sec")
    return int(text)


def _elevation(given: Mapping[str, str]) -> Elevation | None:
    names = ("elevationType", "elevationMin", "elevationMax")
    present = [name for name in names if name in given]
    if not present:
        return None
    kind = given.get("elevationType", "")
    if present == ["elevationType"] and kind.lower() == "none":
        return None
    if len(present) < len(names):
        raise Bad("all elevation constraint parameters must be specified if one is specified")
    if kind.lower() not in _ELEVATION_TYPES:
        raise Bad(f"unrecognized elevation constraint type: {kind}")
    try:
        low, high = float(given["elevationMin"]), float(given["elevationMax"])
    except ValueError:
        raise Bad("elevation constraint min and max must be floating point values") from None
    return None if kind.lower() == "none" else Elevation(_ELEVATION_TYPES[kind.lower()], low, high)


def _window(given: Mapping[str, str]) -> Window | None:
    names = ("windowDate", "windowTime", "windowDuration")
    present = [name for name in names if name in given]
    if not present:
        return None
    if len(present) < len(names):
        raise Bad("all timing window parameters must be specified if one is specified")
    try:
        text = f"{given['windowDate']} {given['windowTime']} +0000"
        start = datetime.strptime(text, "%Y-%m-%d %H:%M %z")
    except ValueError:
        raise Bad("timing window date format is YYYY-MM-DD and time format is HH:mm") from None
    if not re.fullmatch(r"[0-9]{1,9}", given["windowDuration"]):
        raise Bad("timing window duration should be a positive integer")
    return Window(start, int(given["windowDuration"]))


def _note(given: Mapping[str, str]) -> tuple[str, str] | None:
    if "note" not in given and "noteTitle" not in given:
        return None
    return given.get("noteTitle", "Finding Chart"), given.get("note", "")
