"""From WINTER's difference-image alerts to measurements (card: Data products, Photometry)."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from slew.photometry import OTHER_FILTER, Row
from winter import avro

MATCH_ARCSEC = 2.0
LEAST_REAL_BOGUS = 0.001
ZP = 23.9
FILTERS = {1: "desy", 2: "2massj", 3: "2massh"}
_KEPT = ("ra", "dec", "rb", "scorr", "magzpsci", "fwhm", "programid", "tooflag")
_JD_OF_MJD = 2400000.5


def rows(content: bytes, ra_deg: float, dec_deg: float) -> tuple[Row, ...]:
    """The measurements within 2 arcsec of a position (degrees), by time; detections only, in microjansky.

    `content` is an Avro file or a zip of some. Raises ValueError where it cannot be read.
    """
    found: dict[tuple[float, int], Row] = {}
    for file in _files(content):
        for alert in avro.records(file):
            for candidate in _candidates(alert):
                if _separation_arcsec(candidate, ra_deg, dec_deg) <= MATCH_ARCSEC:
                    row = _row(alert, candidate)
                    found.setdefault((row.mjd, candidate.get("fid") or 0), row)
    return tuple(sorted(found.values(), key=lambda row: (row.mjd, row.filter)))


def _files(content: bytes) -> Iterator[bytes]:
    if content.startswith(avro.MAGIC):
        yield content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for member in packed.infolist():
                if member.filename.lower().endswith(".avro"):
                    if member.file_size > avro.LIMIT:
                        raise ValueError(f"holds more than {avro.LIMIT // 2**20} MiB")
                    yield packed.read(member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"is neither a readable zip nor an Avro file ({type(error).__name__})") from None


def _candidates(alert: Any) -> Iterator[Mapping[str, Any]]:
    """The alert's own detection first, then the earlier ones of the object that it carries."""
    if not isinstance(alert, Mapping):
        raise ValueError("holds something else than alerts")
    for candidate in (alert.get("candidate"), *(alert.get("prv_candidates") or ())):
        if isinstance(candidate, Mapping) and _number(candidate.get("jd")) is not None:
            yield candidate


def _row(alert: Mapping[str, Any], candidate: Mapping[str, Any]) -> Row:
    mag, mag_err = _number(candidate.get("magpsf")), _number(candidate.get("sigmapsf"))
    positive = str(candidate.get("isdiffpos")).lower() in ("t", "true", "1", "1.0")
    flux = None if mag is None else (1 if positive else -1) * 10 ** (-0.4 * (mag - ZP))
    flux_err = None if flux is None or mag_err is None else abs(flux) * mag_err * math.log(10) / 2.5
    number = candidate.get("fid")
    return Row(
        mjd=float(candidate["jd"]) - _JD_OF_MJD,
        filter=FILTERS.get(number or 0, f"fid{number}"),
        flux=flux,
        flux_err=flux_err,
        zp=ZP,
        magsys="ab",
        mag=mag if positive else None,
        mag_err=mag_err if positive else None,
        limiting_mag=_number(candidate.get("diffmaglim")),
        snr=flux / flux_err if flux is not None and flux_err else None,
        flags=_flags(candidate, positive=positive),
        extra={
            "objectid": str(alert.get("objectid", "")),
            "isdiffpos": positive,
            **{name: candidate[name] for name in _KEPT if _is_plain(candidate.get(name))},
        },
    )


def _flags(candidate: Mapping[str, Any], *, positive: bool) -> tuple[str, ...]:
    real_bogus = _number(candidate.get("rb"))
    flags = {
        "bogus": real_bogus is not None and real_bogus <= LEAST_REAL_BOGUS,
        "negative": not positive,
        OTHER_FILTER: candidate.get("fid") not in FILTERS,
        "no_magnitude": _number(candidate.get("magpsf")) is None,
    }
    return tuple(name for name, holds in flags.items() if holds)


def _separation_arcsec(candidate: Mapping[str, Any], ra_deg: float, dec_deg: float) -> float:
    ra, dec = _number(candidate.get("ra")), _number(candidate.get("dec"))
    if ra is None or dec is None:
        return math.inf
    # The haversine form keeps its precision at small angles.
    a, b = math.radians(dec), math.radians(dec_deg)
    half = math.sin((a - b) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(ra - ra_deg) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half)))) * 3600


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
