"""The frames that observations leave behind, and their files.

Levels (facility card, "Which level"): imagers 0 and 91; FLOYDS 0, and 90 as one tarball per spectrum after
the night; SOAR's instruments 0 alone. A frame exists some time after its observation has been completed.
"""

from __future__ import annotations

import gzip
import io
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from local.simulators.observation_portal import fits
from local.simulators.observation_portal.fields import show_time
from local.simulators.observation_portal.groups import FIRST_STATUS, Group, Observation, Status, Store
from local.simulators.observation_portal.instruments import CHANNELS, instrument_of
from local.simulators.observation_portal.sites import MUSCAT

JSON = dict[str, Any]
FIRST_FRAME = 91_234_567
MOST_FRAMES_OF_STATUS = 100_000
CHANNEL_FILTERS = dict(zip(CHANNELS, ("gp", "rp", "ip", "zs"), strict=True))
CALIBRATED = set(CHANNEL_FILTERS.values())  # only these have a zero point
CALIBRATIONS = {"ARC", "LAMP_FLAT", "BIAS", "DARK", "SKY_FLAT"}
ZERO_POINT, TARGET_MAG = 23.4, 18.2
PROPRIETARY = timedelta(days=365)
NIGHT_DELAYS = 24  # a FLOYDS tarball comes at the night's end: so many times the delay of an e91
PUBLIC_FRAMES, PUBLIC_REQUEST, PUBLIC_DAY = 120, 3_100_001, datetime(2024, 3, 1, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Frame:
    """One frame of the archive."""

    id: int
    basename: str
    extension: str
    date: datetime
    proposal: str
    group_name: str
    instrument: str
    target: str
    ra: float
    dec: float
    level: int
    site: str
    telescope: str
    exposure: float
    element: str
    public: datetime
    kind: str
    observation: int
    request: int
    due: datetime

    @property
    def day(self) -> str:
        """The observing day: that on which the night began, Greenwich noon to noon."""
        return (self.date - timedelta(hours=12)).date().isoformat()

    @property
    def filename(self) -> str:
        """Basename and extension."""
        return self.basename + self.extension


def frames(store: Store, now: datetime, delay_s: float) -> Iterator[Frame]:
    """Every frame that is in the archive at this time."""
    yield from _public_frames()
    for group, request, observation in store.observations():
        if observation.state not in ("COMPLETED", "BAD_DATA"):
            continue
        configurations = {member["id"]: member for member in request.body["configurations"]}
        for status in observation.statuses:
            if status.summary and status.configuration in configurations:
                made = _of_status(group, observation, status, configurations[status.configuration], delay_s)
                yield from (frame for frame in made if frame.due <= now)


def _of_status(
    group: Group, observation: Observation, status: Status, configuration: JSON, delay_s: float
) -> Iterator[Frame]:
    instrument = instrument_of(configuration)
    target, kind = configuration["target"], configuration["type"]
    done = max(datetime.fromisoformat(each.summary["end"]) for each in observation.statuses if each.summary)
    serial = (status.id - FIRST_STATUS) * MOST_FRAMES_OF_STATUS
    for shutter, camera, element, seconds in _exposures(status, configuration):
        night = (shutter - timedelta(hours=12)).strftime("%Y%m%d")
        for level, extension, factor in _levels(instrument.code, instrument.category, kind):
            serial += 1
            name = (
                f"{observation.site}{observation.telescope[:3]}01-{camera}-{night}-{serial:04d}-e{level:02d}"
            )
            yield Frame(
                id=FIRST_FRAME + serial,
                basename=name,
                extension=extension,
                date=shutter,
                proposal=group.proposal,
                group_name=group.name,
                instrument=camera,
                target=target["name"],
                ra=target["ra"],
                dec=target["dec"],
                level=level,
                site=observation.site,
                telescope=observation.telescope,
                exposure=seconds,
                element=element,
                public=shutter + PROPRIETARY,
                kind=kind,
                observation=observation.id,
                request=observation.request,
                due=done + timedelta(seconds=factor * delay_s),
            )


def _exposures(status: Status, configuration: JSON) -> Iterator[tuple[datetime, str, str, float]]:
    """(shutter open, camera, optical element, seconds) of every exposure of every camera."""
    instrument = instrument_of(configuration)
    shutter = datetime.fromisoformat((status.summary or {})["start"])
    for config in configuration["instrument_configs"]:
        for _ in range(config["exposure_count"]):
            for camera, element, seconds in _cameras(status.instrument, instrument.code, config):
                yield shutter, camera, element, seconds
            shutter += timedelta(seconds=config["exposure_time"] + instrument.per_exposure)


def _cameras(name: str, instrument: str, config: JSON) -> Iterator[tuple[str, str, float]]:
    """(camera, optical element, seconds): MuSCAT has four cameras at once."""
    if instrument == MUSCAT:
        for channel, element in CHANNEL_FILTERS.items():
            yield name + channel, element, float(config["extra_params"][f"exposure_time_{channel}"])
    else:
        yield name, next(iter(config["optical_elements"].values()), ""), config["exposure_time"]


def _levels(instrument: str, category: str, kind: str) -> Iterator[tuple[int, str, float]]:
    """(level, extension, delay in units of an e91's)."""
    yield 0, ".fits.fz", 1 / 3
    if kind in CALIBRATIONS or instrument.startswith(("SOAR", "BLANCO")):
        return
    if category == "IMAGE":
        yield 91, ".fits.fz", 1.0
    else:
        yield 90, ".tar.gz", NIGHT_DELAYS


@cache
def _public_frames() -> tuple[Frame, ...]:
    """Old frames of somebody's, public by now: what a caller without a token gets to see."""
    return tuple(
        Frame(
            20_000_000 + n, f"lsc1m005-fa15-20240229-{n:04d}-e91", ".fits.fz",
            PUBLIC_DAY + timedelta(minutes=2 * n),
            "CON2024A-001", "standard field", "fa15", "SA98", 103.0, -0.3, 91, "lsc", "1m0a", 30.0,
            "gp" if n % 2 else "rp", PUBLIC_DAY + PROPRIETARY, "STANDARD", 500_000_000 + n, PUBLIC_REQUEST,
            PUBLIC_DAY + timedelta(hours=1),
        )
        for n in range(1, PUBLIC_FRAMES + 1)
    )  # fmt: skip


@cache
def content(frame: Frame) -> bytes:
    """The file of a frame."""
    if frame.extension == ".tar.gz":
        return _tarball(frame)
    raster = [[100.0 + (x * y) % 7 for x in range(16)] for y in range(16)]
    cards = header_of(frame)
    made = fits.primary({"ORIGIN": "LCO/OCIW"}) + fits.image("SCI", raster, cards)
    return made if frame.level == 0 else made + fits.table("CAT", _columns(frame), _sources(frame))


def header_of(frame: Frame) -> fits.Cards:
    """The header keywords of the science extension."""
    cards: fits.Cards = {
        "DATE-OBS": frame.date.replace(tzinfo=None).isoformat(timespec="milliseconds"),
        "DAY-OBS": frame.day.replace("-", ""),
        "MJD-OBS": _mjd(frame.date),
        "EXPTIME": frame.exposure,
        "FILTER": frame.element,
        "OBSTYPE": frame.kind,
        "OBJECT": frame.target,
        "RA": frame.ra,
        "DEC": frame.dec,
        "SITEID": frame.site,
        "TELID": frame.telescope,
        "INSTRUME": frame.instrument,
        "PROPID": frame.proposal,
        "GROUPID": frame.group_name,
        "REQNUM": frame.request,
        "BLKUID": frame.observation,
        "RLEVEL": frame.level,
        "L1PUBDAT": show_time(frame.public).removesuffix("Z"),
        "GAIN": 1.0,
        "SATURATE": 128000.0,
    }
    if frame.level == 91:
        cards |= {"WCSERR": 0, "L1FWHM": 1.7, "L1MEAN": 103.0, "L1MEDIAN": 103.0, "L1SIGMA": 10.2}
        if frame.element in CALIBRATED:
            cards |= {
                "L1ZP": ZERO_POINT,
                "L1ZPERR": 0.01,
                "L1COLOR": 0.02,
                "L1COLERR": 0.005,
                "L1COLORU": "g-r",
            }
    return cards


def _columns(frame: Frame) -> dict[str, tuple[str, str]]:
    columns = {"x": "pix", "y": "pix", "ra": "deg", "dec": "deg", "flux": "counts", "fluxerr": "counts"}
    shape = {"background": "counts", "fwhm": "pix", "ellipticity": ""}
    made = {name: ("D", unit) for name, unit in (columns | shape).items()} | {"flag": ("J", "")}
    if frame.element in CALIBRATED:
        made |= {"mag": ("D", "mag"), "magerr": ("D", "mag")}
    return made


def _sources(frame: Frame) -> list[dict[str, float]]:
    """The target and four neighbours, the last one saturated (flag 1)."""
    rows = []
    for number, (offset, mag) in enumerate(
        ((0.0, TARGET_MAG), (30, 16.0), (-45, 17.1), (80, 19.0), (-90, 11.0))
    ):
        flux = frame.exposure * 10 ** ((ZERO_POINT - mag) / 2.5)
        error = math.sqrt(flux + 100.0)
        rows.append(
            {
                "x": 2048 + offset / 0.389, "y": 2048.0 - number, "ra": frame.ra + offset / 3600,
                "dec": frame.dec + offset / 3600, "flux": flux, "fluxerr": error, "background": 103.0,
                "fwhm": 4.4, "ellipticity": 0.05, "flag": 1 if number == 4 else 0, "mag": mag,
                "magerr": 1.0857 * error / flux if flux else 99.0,
            }
        )  # fmt: skip
    return rows


def _tarball(frame: Frame) -> bytes:
    """A FLOYDS night: the merged spectrum as text and as FITS, byte for byte the same each time."""
    steps = range(3200, 10000, 20)
    spectrum = [1e-15 * (1 + 0.3 * math.sin(wavelength / 300)) for wavelength in steps]
    ascii_table = "".join(f"{w} {flux:.6e}\n" for w, flux in zip(steps, spectrum, strict=True)).encode()
    axis: fits.Cards = {"CRVAL1": 3200.0, "CDELT1": 20.0, "CRPIX1": 1.0, "CUNIT1": "Angstrom"}
    one_d = fits.primary({}) + fits.image("SCI", [spectrum], header_of(frame) | axis)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for suffix, data in (("_merge.ascii", ascii_table), ("_merge.fits", one_d)):
            member = tarfile.TarInfo(frame.basename + suffix)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), mtime=0)


def _mjd(at: datetime) -> float:
    return at.timestamp() / 86400 + 40587
