"""The checks of the service after its models, in its words (card: Submit and validate, the table)."""

from __future__ import annotations

from local.simulators.base import JSON
from local.simulators.winter import sky
from local.simulators.winter.programmes import Programme
from local.simulators.winter.requests_model import SpringPosition, Target, WinterField, WinterPosition

MIN_EXPOSURE_S, MAX_EXPOSURE_S = 0.28, 300.0
OVERHEAD = {"winter": 1.125, "spring": 1.4}
WINDOW_D = 7.0


class Refused(Exception):
    """A check failed; its text."""


def rows_of(targets: list[Target], programme: Programme, now: float) -> list[JSON]:
    """The rows of the schedule, one a filter and repetition. Raises Refused. `now` is a Unix time."""
    rows = [row for target in targets for row in _rows(target, programme, sky.mjd(now))]
    for row in rows:
        _check_row(row, programme)
    camera = rows[0]["camera"] if rows else "winter"
    requested = sum(row["visitExpTime"] for row in rows) / 3600 * OVERHEAD[camera]
    if programme.hours_used + requested > programme.hours_allocated:
        percent = int((OVERHEAD[camera] - 1) * 100)
        raise Refused(
            f"Sum of time used ({programme.hours_used:.1f}h) plus request duration ({requested:.1f}h "
            f"including overhead of {percent}%) exceeds total allocated program time "
            f"({programme.hours_allocated:.1f}h)."
        )
    return rows


def _rows(target: Target, programme: Programme, now: float) -> list[JSON]:
    start, end = _window(target, now)
    _check_exposure(target)
    ra, dec, field = _place(target)
    for when in (start, end):
        if not sky.is_visible(ra, dec, when):
            raise Refused(
                f"The following target is not visible on requested date {sky.isot(when)}: "
                f"{target.target_name} (ra {ra}, dec {dec})"
            )
    row = {
        "targName": target.target_name,
        "raDeg": ra,
        "decDeg": dec,
        "fieldID": field,
        "visitExpTime": target.total_exposure_time,
        "singleExpTime": target.total_exposure_time / target.n_dither,
        "priority": target.target_priority,
        "progPI": programme.pi_name,
        "progName": programme.progname,
        "progID": programme.progid,
        "validStart": start,
        "validStop": end,
        "observed": False,
        "maxAirmass": target.max_airmass,
        "ditherNumber": target.n_dither,
        "ditherStepSize": target.dither_distance,
        "bestDetector": target.use_best_detector,
        "camera": getattr(target, "camera", "winter"),
        "obsHistID": 0,
    }
    return [{**row, "filter": name} for name in target.filters for _ in range(target.n_repetitions)]


def _window(target: Target, now: float) -> tuple[float, float]:
    start = now if target.start_time_mjd is None else target.start_time_mjd
    end = now + WINDOW_D if target.end_time_mjd is None else target.end_time_mjd
    if end <= start:
        raise Refused(f"end_time_mjd ({end}) not greater than start_time_mjd ({start})")
    if end < now:
        raise Refused(f"End date ({sky.isot(end)}) is in the past, (time now is {sky.isot(now)})")
    return start, end


def _check_exposure(target: Target) -> None:
    each = target.total_exposure_time / target.n_dither
    if each > MAX_EXPOSURE_S:
        wrong, limit = "long", f"Max exposure time per dither is {MAX_EXPOSURE_S} s"
    elif each < MIN_EXPOSURE_S:
        wrong, limit = "short", f"Min exposure time per dither is {MIN_EXPOSURE_S} s"
    else:
        return
    raise Refused(
        f"t_exp ({target.total_exposure_time}) is too {wrong} for n dithers. {limit}, "
        f"while you have selected {each} s per dither"
    )


def _place(target: Target) -> tuple[float, float, int]:
    """Position, degrees, and number of the field."""
    if isinstance(target, WinterField):
        centre = sky.field_centre(target.field_id)
        if centre is None:
            raise Refused(f"Field ID {target.field_id} is not in the WINTER grid")
        return *centre, target.field_id
    assert isinstance(target, WinterPosition | SpringPosition)
    if not target.use_field_grid:
        return target.ra_deg, target.dec_deg, sky.NO_FIELD
    if isinstance(target, SpringPosition):
        raise Refused("Spring ToO requests cannot use the field grid option.")
    if target.use_best_detector:
        raise Refused("Cannot use both use_best_detector and use_field_grid")
    field = sky.nearest_field(target.ra_deg, target.dec_deg)
    return *(sky.field_centre(field) or (target.ra_deg, target.dec_deg)), field


def _check_row(row: JSON, programme: Programme) -> None:
    if row["priority"] > programme.maxpriority:
        raise Refused(
            f"Target priority ({row['priority']} exceeds maximum allowed value of {programme.maxpriority}. "
        )
    start, stop = sky.isot(row["validStart"]), sky.isot(row["validStop"])
    if start < _isot(programme.startdate):
        raise Refused(f"Start time '{start}' is before program start date '{_isot(programme.startdate)}'")
    if stop > _isot(programme.enddate):  # the service shows the start here (card)
        raise Refused(f"Stop time '{start}' is after program end date '{_isot(programme.enddate)}'")


def _isot(date: str) -> str:
    return f"{date.replace(' ', 'T')}.000"
