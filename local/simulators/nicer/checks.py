"""What the form's verification looks at. The real one's rules are not known; these are the card's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

from local.simulators.nicer.pages import label

MARKS = ("RPS_DHTML", "RPS_BEGIN", "COVER", "RPS_CLOSED_3", "RPS_END")
FLAGS = (
    "Monitoring Program",
    "Phase Dependent Observation",
    "Specific Time Range Observation",
    "Coordinated Observation",
    "Uninterrupted Observation",
)
ENUMS: dict[str, tuple[str, ...]] = {
    "Urgency": ("Next Day", "Next Business Day", "Within a Week", "One Month or Longer"),
    "Target Category": (
        "Magnetars and Rotation-Powered Pulsars",
        "X-Ray Binaries",
        "White Dwarfs and Cataclysmic Variables",
        "Non-Compact Stellar Objects",
        "Supernova Remnants/Other Extended Galactic Sources",
        "Normal Galaxies",
        "Active Galaxies and Quasars",
        "Galaxy Clusters and Extragalactic Extended Objects",
        "Gravitational-Wave Sources",
        "Solar System Objects",
        "Other",
    ),
    **dict.fromkeys(FLAGS, ("Y", "N")),
}
LIMITS: dict[str, tuple[float, float]] = {
    "Right Ascension": (0, 360),
    "Declination": (-90, 90),
    "Total Observation Time": (0, float("inf")),
    "Expected 0.3-10keV Count Rate": (0, float("inf")),
}
OPTIONAL_NUMBERS = (
    "Phase Dependent Epoch",
    "Phase Dependent Period",
    "Minimum Phase",
    "Maximum Phase",
    "Specific Time Range Start",
    "Specific Time Range End",
)
TEXTS = ("Justification for Target of Opportunity", "Target Name", "Justification for Exposure")
REQUIRED = (*ENUMS, *TEXTS, *LIMITS)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")


def problems(fields: Mapping[str, str]) -> list[str]:
    """What is wrong with a form, as the page words it."""
    return list(_problems({name: value.strip() for name, value in fields.items()}))


def _problems(fields: dict[str, str]) -> Iterator[str]:
    for name, value in fields.items():
        if value == "None":
            yield f"{label(name)} must not be None."
    for name in REQUIRED:
        if not fields.get(name):
            yield f"Field &quot;{escape(name)}&quot; is empty."
    for name, words in ENUMS.items():
        if fields.get(name) and fields[name] not in words:
            yield f"{label(name)} is not one of the choices."
    for name in (*LIMITS, *OPTIONAL_NUMBERS):
        if fields.get(name) and not _NUMBER.fullmatch(fields[name]):
            yield f"{label(name)} must be a number."
    numbers = {name: float(value) for name, value in fields.items() if _NUMBER.fullmatch(value)}
    for name, (low, high) in LIMITS.items():
        if name in numbers and not low <= numbers[name] <= high:
            yield f"{label(name)} is out of range."
    if numbers.get("Total Observation Time") == 0:
        yield f"{label('Total Observation Time')} must be positive."
    start, end = (numbers.get(f"Specific Time Range {limit}") for limit in ("Start", "End"))
    if start is not None and end is not None and end <= start:
        yield f"{label('Specific Time Range End')} must be after {label('Specific Time Range Start')}."
