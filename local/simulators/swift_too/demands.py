"""What the Swift simulator demands of a TOO's form, in the service's words (card: Cross-field rules)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from local.simulators.swift_too import sky
from local.simulators.swift_too.book import UNITS

Form = dict[str, str]
JSON = dict[str, Any]
NEEDED = (
    "ra",
    "dec",
    "num_of_visits",
    "exp_time_just",
    "target_type",
    "target_name",
    "science_just",
    "username",
    "obs_type",
)
OTHERS_NEEDED = ("exposure", "immediate_objective")
OPTIONAL = (
    "poserr",
    "instrument",
    "urgency",
    "opt_mag",
    "opt_filt",
    "xrt_countrate",
    "bat_countrate",
    "other_brightness",
    "grb_detector",
    "grb_triggertime",
    "uvot_mode",
    "proposal",
    "proposal_id",
    "proposal_trigger_just",
    "proposal_pi",
    "uvot_just",
    "xrt_mode",
    "tiling",
    "number_of_tiles",
    "exposure_time_per_tile",
    "tiling_justification",
    "exp_time_per_visit",
    "monitoring_freq",
    "debug",
    "quiet",
    "validate_only",
)
XRT_CODES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 150, 200, 255}
SIGNED_UNITS = tuple(UNITS)
UNITS_OF_V2 = tuple(unit for unit in UNITS if unit not in ("hour", "year"))
BAD_CADENCE = (
    "Monitoring frequency in incorrect format. Must be a number followed by a time unit "
    "(day, week, month, orbit, minute, second)."
)


class Broken(Exception):
    """422: `[(field or "body", message)]`."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        super().__init__(lines)
        self.lines = lines


class Refused(Exception):
    """400: `Rejected`, with these errors."""


def check_form(form: Form, units: tuple[str, ...] = UNITS_OF_V2) -> None:
    """Everything that can be said without looking at the sky. Raises Broken."""
    for name in NEEDED:
        if name not in form:
            raise Broken([("body", f"Value error, Missing required field: {name}")])
    lines = [(name, "Field required") for name in OTHERS_NEEDED if name not in form]
    known = {*NEEDED, *OTHERS_NEEDED, *OPTIONAL}
    lines += [(name, "Extra inputs are not permitted") for name in form if name not in known]
    lines += [(name, text) for name, text in _values(form, units) if text]
    if lines:
        raise Broken(lines)
    for holds, text in _together(form):
        if not holds:
            raise Broken([("body", f"Value error, {text}")])


def check_sky(form: Form, *, constrained_until: str) -> None:
    """The mode, and what the position allows. Raises Refused."""
    mode = form.get("uvot_mode", "0x9999")
    if not re.fullmatch(r"0x[0-9a-fA-F]{1,4}", mode):
        raise Refused(f"Invalid UVOT mode: {mode}.")
    place = float(form["ra"]), float(form["dec"])
    if sky.near(place, sky.CONSTRAINED) and form["urgency"] in ("0", "1", "2"):
        response = "24-hour" if form["urgency"] == "2" else "4-hour"
        raise Refused(
            f"ERROR: Object currently constrained until {constrained_until}, "
            f"so {response} response TOO rejected."
        )
    check_star(place, int(mode, 16))


def check_star(place: tuple[float, float], mode: int) -> tuple[str, ...]:
    """The filters of a mode. Raises Refused near a bright star."""
    filters = sky.FILTERS.get(mode, ())
    if sky.near(place, sky.BRIGHT_STAR) and filters:
        names = ", ".join(filters)
        raise Refused(f"The following UVOT filters are not allowed due to a bright star: {names}.")
    return filters


def _values(form: Form, units: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    def each(name: str, check: Callable[[str], str | None]) -> tuple[str, str | None]:
        return name, check(form[name]) if name in form else None

    yield each("ra", _between(0, 360, "greater than or equal to 0", "less than 360", below=True))
    yield each("dec", _between(-90, 90, "greater than or equal to -90", "less than or equal to 90"))
    for name in ("poserr", "xrt_countrate", "exposure_time_per_tile"):
        yield each(name, _between(0, 1e12, "greater than or equal to 0", "less than 1e12"))
    yield each("opt_mag", _number)
    for name in ("exposure", "num_of_visits"):
        yield each(name, lambda text: None if re.fullmatch(r"[1-9]\d*", text) else INTEGER)
    yield each("exp_time_per_visit", _positive_whole)
    for name in ("proposal", "tiling", "debug", "quiet", "validate_only"):
        yield each(name, _one_of("true", "false"))
    yield each("urgency", _one_of("0", "1", "2", "3", "4", quoted=False))
    yield each("obs_type", _one_of("Spectroscopy", "Light Curve", "Position", "Timing"))
    yield each("instrument", _one_of("XRT", "UVOT", "BAT"))
    yield each("number_of_tiles", _one_of("4", "7", "19", "37", "Other"))
    yield each("xrt_mode", _xrt_mode)
    yield each("monitoring_freq", lambda text: _cadence(text, units))
    yield each("grb_triggertime", _moment)
    for name in ("target_name", "target_type", "science_just", "immediate_objective", "exp_time_just"):
        yield each(name, lambda text: None if text.strip() else "String should have at least 1 character")
    yield "exposure", _total(form)


INTEGER = "Input should be a valid integer, unable to parse string as an integer"


def _together(form: Form) -> Iterator[tuple[bool, str]]:
    given = {name for name, value in form.items() if value}
    proposal, tiling = form.get("proposal") == "true", form.get("tiling") == "true"
    yield (
        not proposal or {"proposal_id", "proposal_pi"} <= given,
        "Must specify proposal ID and PI if GI proposal.",
    )
    yield (
        not proposal or "proposal_trigger_just" in given,
        "Must specify proposal trigger justification if GI TOO.",
    )
    yield (
        not tiling or "tiling_justification" in given,
        "Must specify tiling justification if tiling is True.",
    )
    optical = {"opt_mag", "opt_filt"} <= given
    yield (
        optical or bool({"xrt_countrate", "bat_countrate", "other_brightness"} & given),
        "Must specify at least one brightness value. If specifying optical brightness, ensure filter is set.",
    )
    yield (
        form["target_type"] != "GRB" or {"grb_triggertime", "grb_detector"} <= given,
        "Must specify GRB trigger time and detector if source type is GRB.",
    )
    yield (
        "0x9999" in form.get("uvot_mode", "0x9999") or "uvot_just" in given,
        "Must specify UVOT justification if UVOT mode is not filter of the day (0x9999).",
    )
    yield (
        "monitoring_freq" in given,
        "Must specify monitoring frequency if number of visits is specified.",
    )
    yield (
        "exp_time_per_visit" in given,
        "Must specify exposure time per visit if number of visits is specified.",
    )


def _total(form: Form) -> str | None:
    try:
        total = float(form["exp_time_per_visit"]) * int(form["num_of_visits"])
        return None if int(form["exposure"]) == total else "must be exp_time_per_visit times num_of_visits"
    except (KeyError, ValueError):
        return None  # told of the field itself


def _number(text: str) -> str | None:
    try:
        value = float(text)
    except ValueError:
        return "Input should be a valid number, unable to parse string as a number"
    return None if abs(value) < 1e300 else "Input should be a finite number"


def _between(
    low: float, high: float, low_text: str, high_text: str, *, below: bool = False
) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        if problem := _number(text):
            return problem
        if float(text) < low:
            return f"Input should be {low_text}"
        too_high = float(text) >= high if below else float(text) > high
        return f"Input should be {high_text}" if too_high else None

    return check


def _positive_whole(text: str) -> str | None:
    if problem := _number(text):
        return problem
    value = float(text)
    return None if value > 0 and value == int(value) else INTEGER


def _one_of(*allowed: str, quoted: bool = True) -> Callable[[str], str | None]:
    names = [f"'{each}'" if quoted else each for each in allowed]
    told = f"Input should be {', '.join(names[:-1])} or {names[-1]}"
    return lambda text: None if text in allowed else told


def _xrt_mode(text: str) -> str | None:
    if text.isdigit() and int(text) in XRT_CODES:
        return None
    return f"Value error, Unknown mode ({text}), should be PC (7), WT (6) or Auto (0)"


def _cadence(text: str, units: tuple[str, ...]) -> str | None:
    match = re.fullmatch(r"\d+(\.\d+)?\s+([a-z]+?)s?", text)
    return None if match and match[2] in units else f"Value error, {BAD_CADENCE}"


def _moment(text: str) -> str | None:
    fits = re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?", text)
    return None if fits else "Input should be a valid datetime"
