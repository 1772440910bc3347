"""A light curve as people draw it: magnitudes upwards, limits as triangles, each filter in its colour."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]

COLOURS = {
    "u": "#7b3fb5",
    "B": "#2b50c8",
    "g": "#2a9134",
    "c": "#12a5a5",
    "V": "#7fae1b",
    "r": "#d62728",
    "R": "#a8201a",
    "o": "#f08a24",
    "i": "#b8860b",
    "I": "#8a6508",
    "z": "#555555",
    "y": "#222222",
}
"""By the band that a filter's name ends in: `ztfg`, `sdssr`, `atlaso`; the case matters."""
_PALE = 0.25
"""How opaque is what the facility's own advice drops."""
LIMIT_SIGMAS = 3.0
"""Of the error of a count rate that is not positive: no place on a logarithmic axis but for its limit."""
_OTHER = ("#4c72b0", "#937860", "#da8bc3", "#8172b3", "#64b5cd")


@dataclass(frozen=True)
class Series:
    """What is drawn of one filter: detections with errors, and limits."""

    points: Sequence[tuple[float, float, float]]
    limits: Sequence[tuple[float, float]]


def draw(rows: Rows, title: str) -> bytes:
    """A PNG of 900 by 540 pixels; rows without magnitudes are drawn by their count rate, if they have one."""
    rates = not any(row.get("mag") is not None or row.get("limiting_mag") is not None for row in rows)
    figure = Figure(figsize=(9, 5.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    drawn = 0
    for index, name in enumerate(dict.fromkeys(str(row["filter"]) for row in rows)):
        colour = colour_of(name, index)
        for dropped, label, alpha in ((True, f"{name} (flagged)", _PALE), (False, name, 1.0)):
            found = [row for row in rows if row["filter"] == name and _is_dropped(row) is dropped]
            series = _series(found, rates=rates)
            drawn += len(series.points) + len(series.limits)
            _draw(axes, label, series, colour, alpha)
    axes.set_title(title, parse_math=False)
    axes.set_xlabel("\n".join(["MJD (UTC)", *_notes(rows, drawn, rates=rates)]))
    axes.set_ylabel("Count rate (ct/s)" if rates else "Magnitude")
    axes.ticklabel_format(axis="x", useOffset=False, style="plain")
    axes.grid(visible=True, alpha=0.25)
    if rates and any(series_rate(row) for row in rows):
        axes.set_yscale("log")
    if not rates:
        axes.invert_yaxis()
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", fontsize="small")
    else:
        axes.text(0.5, 0.5, "no measurements", ha="center", transform=axes.transAxes)
    image = io.BytesIO()
    figure.savefig(image, format="png", metadata={"Software": None})
    return image.getvalue()


def colour_of(name: str, index: int) -> str:
    """The colour of a filter; of an unknown one, the next of a few others."""
    return COLOURS.get(name[-1:], _OTHER[index % len(_OTHER)])


def series_rate(row: Mapping[str, Any]) -> float | None:
    """A row's count rate, ct/s, where it is a positive one."""
    rate = _number(row, "rate_ct_s")
    return rate if rate is not None and rate > 0 else None


def _is_dropped(row: Mapping[str, Any]) -> bool:
    return bool((row.get("extra") or {}).get("drop"))


def _series(rows: Rows, *, rates: bool) -> Series:
    if rates:
        return _rate_series(rows)
    points = [
        (row["mjd"], row["mag"], row.get("mag_err") or 0.0) for row in rows if row.get("mag") is not None
    ]
    limits = [
        (row["mjd"], row["limiting_mag"])
        for row in rows
        if row.get("mag") is None and row.get("limiting_mag") is not None
    ]
    return Series(points, limits)


def _rate_series(rows: Rows) -> Series:
    points, limits = [], []
    for row in rows:
        rate, limit = series_rate(row), _rate_limit(row)
        if limit is not None:
            limits.append((row["mjd"], limit))
        elif rate is not None:
            points.append((row["mjd"], rate, _rate_error(row)))
    return Series(points, limits)


def _rate_limit(row: Mapping[str, Any]) -> float | None:
    """The facility's upper limit, else that of a rate that is not positive; None where there is none."""
    limit = _number(row, "upper_limit_ct_s")
    if limit is None and _is_not_positive(row):
        limit = LIMIT_SIGMAS * _rate_error(row)
    return limit if limit is not None and limit > 0 else None


def _is_not_positive(row: Mapping[str, Any]) -> bool:
    """Whether a row is a rate without a place on a logarithmic axis, and has no limit from the facility."""
    rate = _number(row, "rate_ct_s")
    return rate is not None and rate <= 0 and _number(row, "upper_limit_ct_s") is None


def _rate_error(row: Mapping[str, Any]) -> float:
    """The mean of its two errors; 0 where it has none."""
    errors = (_number(row, "rate_err_pos_ct_s"), _number(row, "rate_err_neg_ct_s"))
    known = [abs(error) for error in errors if error is not None]
    return sum(known) / len(known) if known else 0.0


def _notes(rows: Rows, drawn: int, *, rates: bool) -> list[str]:
    """What the plot does not show as it was measured."""
    notes = []
    limits = sum(_is_not_positive(row) and _rate_limit(row) is not None for row in rows) if rates else 0
    if limits:
        notes.append(
            f"{limits} of {len(rows)}: no positive rate, drawn as limits of {LIMIT_SIGMAS:.0f} sigma"
        )
    if drawn < len(rows):
        what = "positive rate" if rates else "magnitude"
        notes.append(f"{len(rows) - drawn} of {len(rows)} not drawn: neither {what} nor limit")
    return notes


def _number(row: Mapping[str, Any], name: str) -> float | None:
    """A further column's number; a facility may have printed text there."""
    value = (row.get("extra") or {}).get(name)
    return float(value) if isinstance(value, int | float) else None


def _draw(axes: Axes, name: str, series: Series, colour: str, alpha: float) -> None:
    name = name.lstrip("_").replace("$", r"\$")  # which matplotlib would hide, or take for mathematics
    if series.points:
        mjd, value, error = zip(*series.points, strict=True)
        axes.errorbar(mjd, value, error, fmt="o", ms=4, lw=1, color=colour, alpha=alpha, label=name)
    if series.limits:
        mjd, value = zip(*series.limits, strict=True)
        label = None if series.points else f"{name} (limits)"
        # An upper limit on the brightness points to the fainter side, which is down on either axis.
        axes.plot(mjd, value, "v", ms=5, mfc="none", mec=colour, alpha=0.7 * alpha, label=label)
