"""RTML 3.1a documents: the one string argument of every call (card, The RTML document)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Literal

from lt.instruments import Setup
from lt.models import LtAltdata, LtPayload, stamp
from slew import astro

Mode = Literal["request", "inquiry", "abort", "update"]

UID_LIMIT = 59
_SPACE = "http://www.rtml.org/v3.1a"
_SCHEMA = f"{_SPACE} http://telescope.livjm.ac.uk/rtml/RTML-nightly.xsd"
_REVISION = re.compile(r"(.*-\d+)-r(\d+)")
_REVISION_ROOM = len("-r999")


@dataclass(frozen=True)
class Sky:
    """Where to point: the name under which the LT keeps the target, and its ICRS position in degrees."""

    name: str
    ra_deg: float
    dec_deg: float


def new_uid(target: str, request_id: str, now: datetime) -> str:
    """`{target}-{request id}-{Unix seconds}`, as SkyPortal makes it, short and in characters safe in XML."""
    tail = f"-{request_id}-{int(now.timestamp())}"
    name = re.sub(r"[^A-Za-z0-9_.+-]", "_", target)
    return name[: max(UID_LIMIT - len(tail) - _REVISION_ROOM, 1)] + tail


def revised_uid(uid: str) -> str:
    """The uid of the document that replaces another one: it follows from the old one alone."""
    match = _REVISION.fullmatch(uid)
    return f"{match[1]}-r{int(match[2]) + 1}" if match else f"{uid}-r2"


def group_name(uid: str) -> str:
    """The name of the Phase-2 group that the LT makes of a document."""
    return re.sub(r"[^A-Za-z0-9_]", "_", uid)


def observation(
    mode: Mode, uid: str, altdata: LtAltdata, sky: Sky, payload: LtPayload, window: tuple[datetime, datetime]
) -> str:
    """A document that asks for observations: one Schedule a setup, with identical constraints."""
    rest = _target(sky) + _constraints(payload, window)
    schedules = "".join(
        f"<Schedule>{_device(setup)}{_exposure(setup)}{rest}</Schedule>" for setup in payload.setups()
    )
    return _document(mode, uid, _project(altdata) + schedules)


def about(mode: Mode, uid: str, altdata: LtAltdata) -> str:
    """A document about an earlier one: an abort, or the question how it goes."""
    return _document(mode, uid, _project(altdata, "<Communication/>"))


def _document(mode: Mode, uid: str, content: str) -> str:
    # The namespace must be the default one: the LT refuses elements with a prefix.
    return (
        f'<RTML xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="{_SPACE}" mode="{mode}"'
        f' uid="{escape(uid)}" version="3.1a" xsi:schemaLocation="{_SCHEMA}">{content}</RTML>'
    )


def _project(altdata: LtAltdata, more: str = "") -> str:
    user = escape(altdata.username, quote=False)
    contact = f"<Contact><Username>{user}</Username><Name>{user}</Name>{more}</Contact>"
    return f'<Project ProjectID="{escape(altdata.LT_proposalID)}">{contact}</Project>'


def _device(setup: Setup) -> str:
    elements: Iterable[str] = (
        f'<Filter type="{setup.filter}"/>' if setup.filter else "",
        f'<Grating name="{setup.grating}"/>' if setup.grating else "",
        _binning(setup.binning) if setup.binning else "",
        f'<Device rotorSpeed="{setup.rotor}" type="half-wave_plate"/>' if setup.rotor else "",
    )
    return (
        f'<Device name="{setup.device.name}" type="{setup.device.type}">'
        f"<SpectralRegion>{setup.device.region}</SpectralRegion><Setup>{''.join(elements)}</Setup></Device>"
    )


def _binning(pixels: int) -> str:
    axes = f'<X units="pixels">{pixels}</X><Y units="pixels">{pixels}</Y>'
    return f"<Detector><Binning>{axes}</Binning></Detector>"


def _exposure(setup: Setup) -> str:
    value = f'<Value units="seconds">{float(setup.exposure_s)!r}</Value>'
    return f'<Exposure count="{setup.count}">{value}</Exposure>'


def _target(sky: Sky) -> str:
    hours, minutes, seconds = _parts(astro.format_ra(sky.ra_deg, 6))
    degrees, arcminutes, arcseconds = _parts(astro.format_dec(sky.dec_deg, 6).lstrip("+-"))
    sign = "-" if math.copysign(1, sky.dec_deg) < 0 else "+"
    return (
        f'<Target name="{escape(sky.name)}"><Coordinates>'
        f"<RightAscension><Hours>{hours}</Hours><Minutes>{minutes}</Minutes>"
        f"<Seconds>{seconds}</Seconds></RightAscension>"
        f"<Declination><Degrees>{sign}{degrees}</Degrees><Arcminutes>{arcminutes}</Arcminutes>"
        f"<Arcseconds>{arcseconds}</Arcseconds></Declination>"
        "<Equinox>J2000</Equinox></Coordinates></Target>"
    )


def _parts(sexagesimal: str) -> tuple[int, int, str]:
    """Whole units, minutes, and seconds without the zeros that mean nothing."""
    whole, minutes, seconds = sexagesimal.split(":")
    units, _, fraction = seconds.partition(".")
    return int(whole), int(minutes), f"{int(units)}.{fraction.rstrip('0') or '0'}"


def _constraints(payload: LtPayload, window: tuple[datetime, datetime]) -> str:
    clouds = "clear" if payload.photometric else "light"
    start, end = map(stamp, window)
    return (
        f'<AirmassConstraint maximum="{float(payload.maximum_airmass)!r}"/>'
        f"<SkyConstraint><Flux>{float(payload.sky_brightness)!r}</Flux>"
        "<Units>magnitudes/square-arcsecond</Units></SkyConstraint>"
        f'<SeeingConstraint maximum="{float(payload.maximum_seeing)!r}" units="arcseconds"/>'
        f"<ExtinctionConstraint><Clouds>{clouds}</Clouds></ExtinctionConstraint>"
        '<DateTimeConstraint type="include">'
        f'<DateTimeStart system="UT" value="{start}"/><DateTimeEnd system="UT" value="{end}"/>'
        "</DateTimeConstraint>"
    )
