"""From a light curve file to photometry, by IPAC's guide (card: The guide's algorithm).

No row is left out: what the guide drops carries the reasons in `flags`, and `drop` in `extra`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from slew.photometry import OTHER_FILTER, Row, readable
from ztf_forced_photometry import baseline, codes, light_curve_file
from ztf_forced_photometry.baseline import Correction
from ztf_forced_photometry.light_curve_file import Epoch, LightCurveFile
from ztf_forced_photometry.magnitudes import LIMIT_SIGMAS, MICROJANSKY_ZP, Flux, combined, total
from ztf_forced_photometry.models import ZtfForcedPhotometryPayload, jd

FILTERS = ("ztfg", "ztfr", "ztfi")
BAD_CALIBRATION = 1 << 25
MAX_NOISE_DN = 25.0
MAX_SEEING = 4.0
REFERENCE_RADIUS_ARCSEC = 1.0
_BRIGHTEST, _FAINTEST = -30.0, 60.0  # magnitudes, outside which no number of a file is one
_KEPT_FLAGS = {56: "procstatus_56", 59: "procstatus_59", 60: "procstatus_60"}


def rows(content: bytes, payload: ZtfForcedPhotometryPayload) -> tuple[Row, ...]:
    """Every epoch of a file as a row, in the file's order, or nights combined.

    Raises ValueError for what is no light curve, PartlyRead where lines of it cannot be read.
    """
    file = light_curve_file.read(content)
    duplicates = _duplicates(file.epochs)
    faults = [
        (*_faults(epoch, payload), *(("duplicate",) if i in duplicates else ()))
        for i, epoch in enumerate(file.epochs)
    ]
    good = [epoch for epoch, found in zip(file.epochs, faults, strict=True) if not found]
    corrections = baseline.corrections(good, lambda epoch: _is_free(epoch, payload))
    found = tuple(
        _row(file, epoch, reasons, corrections.get(epoch.key, Correction()), payload)
        for epoch, reasons in zip(file.epochs, faults, strict=True)
    )
    return readable(_nights(found) if payload.combine_nights else found, file.unread)


def _faults(epoch: Epoch, payload: ZtfForcedPhotometryPayload) -> tuple[str, ...]:
    """Why the guide drops an epoch (stage 1); what cannot be told is not held against it."""
    dropped = sorted(epoch.codes & {codes.OFF_IMAGE, *payload.procstatus_drop})
    infobits = epoch.number("infobitssci") or 0
    checks = {
        "no_flux": not epoch.is_measured,
        "no_zeropoint": epoch.zp is None,
        "infobitssci": infobits != 0 if payload.strict_quality else infobits >= BAD_CALIBRATION,
        "scisigpix": (epoch.number("scisigpix") or 0) > MAX_NOISE_DN,
        "sciinpseeing": (epoch.number("sciinpseeing") or 0) > MAX_SEEING,
        "diffimgstatus": epoch.number("diffimgstatus") == 0,
        "not_public": payload.public_only and epoch.number("programid") != 1,
    }
    return (*(f"procstatus_{code}" for code in dropped), *(name for name, fails in checks.items() if fails))


def _duplicates(epochs: Iterable[Epoch]) -> set[int]:
    """The places of rows that repeat one before: the same image, flux and error."""
    seen: set[tuple[str | None, ...]] = set()
    repeated = set()
    for place, epoch in enumerate(epochs):
        key = tuple(epoch.cells.get(name) for name in ("pid", "forcediffimflux", "forcediffimfluxunc"))
        if key in seen and key[0] is not None:
            repeated.add(place)
        seen.add(key)
    return repeated


def _is_free(epoch: Epoch, payload: ZtfForcedPhotometryPayload) -> bool:
    before, after = payload.baseline_before, payload.baseline_after
    return (before is not None and epoch.jd < jd(before)) or (after is not None and epoch.jd > jd(after))


def _row(
    file: LightCurveFile,
    epoch: Epoch,
    reasons: tuple[str, ...],
    correction: Correction,
    payload: ZtfForcedPhotometryPayload,
) -> Row:
    flags = list(reasons)
    flags += [flag for code, flag in _KEPT_FLAGS.items() if code in epoch.codes and flag not in flags]
    if epoch.filter not in FILTERS:
        flags.append(OTHER_FILTER)
    extra = {
        **_columns(epoch),
        "ra": file.ra,
        "dec": file.dec,
        "origin": "fp",
        "mjd_of": "start of exposure",
        "drop": bool(reasons),
        **_corrected_by(epoch, correction, payload),
    }
    flux = _flux(epoch, correction)
    if flux is not None and payload.total_flux:
        flux, added = _with_reference(flux, epoch)
        extra["total_flux"] = added
        if not added:
            flags.append("no_reference_source")
    if flux is None:
        return Row(
            epoch.mjd,
            epoch.filter,
            epoch.flux,
            epoch.unc,
            epoch.zp,
            flags=tuple(flags),
            extra=extra,
        )
    return _measured(epoch.mjd, epoch.filter, flux, tuple(flags), extra)


def _flux(epoch: Epoch, correction: Correction) -> Flux | None:
    if not epoch.is_measured or epoch.flux is None or epoch.unc is None or epoch.zp is None:
        return None
    return Flux(epoch.flux - (correction.level or 0.0), epoch.unc * correction.error_scale, epoch.zp)


def _with_reference(flux: Flux, epoch: Epoch) -> tuple[Flux, bool]:
    distance, mag, err = (
        epoch.number(name) for name in ("dnearestrefsrc", "nearestrefmag", "nearestrefmagunc")
    )
    if distance is None or distance >= REFERENCE_RADIUS_ARCSEC or mag is None or err is None:
        return flux, False
    if not _BRIGHTEST < mag < _FAINTEST:
        return flux, False
    return total(flux, mag, err), True


def _measured(mjd: float, filter_: str, flux: Flux, flags: tuple[str, ...], extra: Mapping[str, Any]) -> Row:
    """Stage 4: a magnitude where it is detected, else the limit."""
    magnitude = flux.magnitude
    in_ujy = flux.at(MICROJANSKY_ZP)
    return Row(
        mjd,
        filter_,
        flux.value,
        flux.error,
        flux.zp,
        "ab",
        magnitude[0] if magnitude else None,
        magnitude[1] if magnitude else None,
        None if magnitude else flux.limit,
        flux.snr,
        flags,
        {
            **extra,
            "flux_uJy": in_ujy.value,
            "flux_uJy_err": in_ujy.error,
            "limiting_mag_nsigma": LIMIT_SIGMAS,
        },
    )


def _columns(epoch: Epoch) -> dict[str, Any]:
    """The further columns, under the file's names; None for what is missing."""
    whole = {name: _whole(epoch.cells[name]) for name in light_curve_file.WHOLE if name in epoch.cells}
    measured = {name: epoch.number(name) for name in light_curve_file.MEASURED if name in epoch.cells}
    return {**whole, **measured, "procstatus": epoch.cells["procstatus"]}


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _corrected_by(
    epoch: Epoch, correction: Correction, payload: ZtfForcedPhotometryPayload
) -> dict[str, Any]:
    """What was done to the flux; and whether the reference image may hold light of the transient."""
    begin, end = epoch.number("refjdstart"), epoch.number("refjdend")
    before, after = payload.baseline_before, payload.baseline_after
    late = before is not None and end is not None and end > jd(before)
    early = after is None or begin is None or begin < jd(after)
    return {
        "baseline": "none" if correction.level is None else correction.level,
        "baseline_epochs": correction.epochs,
        "error_scale": correction.error_scale,
        "reference_may_hold_transient": late and early,
    }


def _nights(found: Iterable[Row]) -> tuple[Row, ...]:
    """One row for each filter, programme and UTC day from the rows to be kept (stage 6); others as they are.

    Public and proprietary epochs are not mixed: the sum could not be given to everybody.
    """
    kept: dict[tuple[str, Any, int], list[tuple[Row, Flux]]] = {}
    rest = []
    for row in found:
        if row.extra["drop"] or row.flux is None or not row.flux_err or row.zp is None:
            rest.append(row)
        else:
            night = (row.filter, row.extra.get("programid"), math.floor(row.mjd))
            kept.setdefault(night, []).append((row, Flux(row.flux, row.flux_err, row.zp)))
    stacked = [_night(filter_, epochs) for (filter_, _, _), epochs in kept.items()]
    return tuple(sorted([*stacked, *rest], key=lambda row: row.mjd))


def _night(filter_: str, epochs: list[tuple[Row, Flux]]) -> Row:
    each = [row.extra for row, _ in epochs]
    first = each[0]
    extra = {
        "ra": first["ra"],
        "dec": first["dec"],
        "origin": "fp",
        "mjd_of": "mean of the starts of exposure",
        "drop": False,
        "epochs": len(epochs),
        "programid": first.get("programid"),
        "baseline": "none" if any(one["baseline"] == "none" for one in each) else _common(each, "baseline"),
        "error_scale": _common(each, "error_scale"),
        "reference_may_hold_transient": any(one["reference_may_hold_transient"] for one in each),
    }
    flags = tuple(dict.fromkeys(flag for row, _ in epochs for flag in row.flags))
    mjd = sum(row.mjd for row, _ in epochs) / len(epochs)
    return _measured(mjd, filter_, combined([flux for _, flux in epochs]), flags, extra)


def _common(each: list[Mapping[str, Any]], name: str) -> Any:
    """What they all have; None where they differ, as over two reference images."""
    return each[0][name] if len({one[name] for one in each}) == 1 else None
