"""Which submissions are refused, and in which words (card swift_xrt.md: Request payload, Simulator)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from local.simulators.base import JSON

PRODUCTS = {
    "lc": "lc",
    "spec": "spec",
    "dopsf": "psf",
    "doenh": "enh",
    "doxastrom": "xastrom",
    "image": "image",
    "sourceDet": "sourceDet",
}
"""Short name of a product by the flag that asks for it."""

MISSING = "The following parameters are needed, but were not supplied:"
WRONG = "The following parameters have invalid values:"
NOT_KNOWN = "The following parameters are not recognised:"

_TEXTS = {
    "UserID",
    "api_name",
    "api_version",
    "name",
    "targ",
    "uselcobs",
    "usespecobs",
    "useposobs",
    "useimobs",
}
_TEXTS |= {"usedetobs", "specstem", "imen", *(f"{stem}{n}" for stem in ("rname", "gti") for n in range(1, 5))}
_FLAGS = {"SinceT0", "cent", "sss", "useSXPS", "notify", "getTargs", "getCoords", "getT0", "dynamic", "hrbin"}
_FLAGS |= {"specz", "galactic", "doNotFit", "allxastrom", "fitStrayLight", *PRODUCTS}
_ENUMS: dict[str, tuple[str, ...]] = {
    "centMeth": ("simple", "iterative"),
    "detMeth": ("simple", "iterative"),
    "binMeth": ("counts", "time", "snapshot", "obsid"),
    "grades": ("all", "0", "4"),
    "specgrades": ("all", "0", "4"),
    "allowUL": ("no", "pc", "wt", "both"),
    "allowB": ("no", "pc", "wt", "both"),
    "lctimetype": ("s", "m"),
    "lcobs": ("all", "user"),
    "specobs": ("all", "user", "hours"),
    "posobs": ("all", "user", "hours"),
    "imobs": ("all", "user"),
    "detobs": ("all", "user"),
    "timeslice": ("single", "user", "snapshot", "obsid"),
    "detornot": ("detect", "centroid"),
    "detbands": ("total", "all"),
}
_MODELS = ("powerlaw", "apec", "blackbody")
_NUMBERS: dict[str, tuple[float, float]] = {
    "RA": (0, 360),
    "Dec": (-90, 90),
    "poserr": (1, 6),
    "femin": (0, 1),
    "Tstart": (0, math.inf),
    **dict.fromkeys(("maxCentTries", "wtpuprate", "pcpuprate", "pccounts", "wtcounts"), (0, math.inf)),
    **dict.fromkeys(("ratefact", "binfact", "mincmin", "minsnr", "pcbin", "wtbin"), (0, math.inf)),
    **dict.fromkeys(("pchrbin", "wthrbin", "pcmaxgap", "wtmaxgap", "sigmin"), (0, math.inf)),
    **dict.fromkeys(("minen", "maxen", "soft1", "soft2", "hard1", "hard2"), (0, 100)),
    **dict.fromkeys(("bayesCounts", "bayesSNR", "srcrad", "zval", "dchi"), (0, math.inf)),
    **dict.fromkeys(("specobstime", "posRadius", "posobstime"), (0, math.inf)),
}
_SELECTIONS = (
    ("lc", "lcobs", "uselcobs"),
    ("spec", "specobs", "usespecobs"),
    ("image", "imobs", "useimobs"),
    ("sourceDet", "detobs", "usedetobs"),
)


def wanted(sent: JSON) -> tuple[str, ...]:
    """Short names of the products that are asked for; an astrometric position needs the standard one."""
    found = [short for flag, short in PRODUCTS.items() if _is_on(sent.get(flag))]
    if "xastrom" in found and "psf" not in found:
        found.insert(found.index("xastrom"), "psf")
    return tuple(found)


def problems(sent: JSON) -> list[JSON]:
    """`listErr` of a submission, empty if it is good."""
    groups = (
        (MISSING, list(dict.fromkeys(_missing(sent)))),
        (WRONG, list(_wrong(sent))),
        (NOT_KNOWN, sorted(set(sent) - _TEXTS - _FLAGS - set(_ENUMS) - set(_NUMBERS) - {"models"})),
    )
    return [{"label": label, "list": items} for label, items in groups if items]


def _missing(sent: JSON) -> Iterator[str]:
    products = wanted(sent)
    needed = ["name"]
    if not _is_on(sent.get("getTargs")):
        needed.append("targ")
    if products != ("sourceDet",):
        needed += [] if _is_on(sent.get("getCoords")) else ["RA", "Dec"]
        needed += ["cent", "useSXPS"]
    if _is_on(sent.get("cent")):
        needed.append("poserr")
    needed += [name for product, names in _needs(sent).items() if product in products for name in names]
    needed += [
        use for product, which, use in _SELECTIONS if product in products and sent.get(which) == "user"
    ]
    if {"psf", "enh"} & set(products):
        needed += {"user": ["useposobs"], "hours": ["posobstime"]}.get(str(sent.get("posobs")), [])
    return (name for name in needed if sent.get(name) in (None, ""))


def _needs(sent: JSON) -> dict[str, list[str]]:
    binning = {"counts": ["pccounts", "wtcounts", "dynamic"], "time": ["pcbin", "wtbin"]}
    spectrum = ["specz", *(["zval"] if _is_on(sent.get("specz")) else [])]
    if sent.get("timeslice") == "user":
        numbers = [n for n in range(1, 5) if f"rname{n}" in sent or f"gti{n}" in sent] or [1]
        spectrum += [f"{stem}{n}" for n in numbers for stem in ("rname", "gti")]
    if sent.get("specobs") == "hours":
        spectrum.append("specobstime")
    return {
        "lc": ["binMeth", *binning.get(str(sent.get("binMeth")), [])],
        "spec": spectrum,
        "sourceDet": ["detobs"],
    }


def _wrong(sent: JSON) -> Iterator[str]:
    checks: dict[str, Callable[[str, Any], str]] = {
        **dict.fromkeys(_TEXTS, _text),
        **dict.fromkeys(_FLAGS, _flag),
        **dict.fromkeys(_ENUMS, _enum),
        **dict.fromkeys(_NUMBERS, _number),
        "models": _models,
        "targ": _targets,
        **{f"rname{n}": _label for n in range(1, 5)},
        "specstem": _label,
    }
    for name, value in sent.items():
        if name in checks and (text := checks[name](name, value)):
            yield text


def _text(name: str, value: Any) -> str:
    return "" if isinstance(value, str) else f"{name} must be text"


def _flag(name: str, value: Any) -> str:
    is_flag = isinstance(value, int) and not isinstance(value, bool) and value in (0, 1)
    return "" if is_flag else f"{name} is {value}, but must be 0 or 1"


def _enum(name: str, value: Any) -> str:
    return "" if value in _ENUMS[name] else f"{name} is {value}, but must be one of {', '.join(_ENUMS[name])}"


def _number(name: str, value: Any) -> str:
    low, high = _NUMBERS[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name} is {value}, but must be a number"
    if name in ("RA", "Dec") and not isinstance(value, float):
        return f"{name} is {value}, but must have a decimal part"
    if low <= value <= high:
        return ""
    return f"{name} is {value}, but must be between {low:g} and {high:g}"


def _models(name: str, value: Any) -> str:
    good = isinstance(value, list) and value and all(each in _MODELS for each in value)
    return "" if good else f"models is {value}, but must be a list of {', '.join(_MODELS)}"


def _targets(name: str, value: Any) -> str:
    good = isinstance(value, str) and re.fullmatch(r"\d{8}(,\d{8})*", value)
    return "" if good else f"targ is {value}, but must be 8-digit target ids, separated by commas"


def _label(name: str, value: Any) -> str:
    good = isinstance(value, str) and value.isascii() and value.isalnum()
    return "" if good else f"{name} is {value}, but must be alphanumeric"


def _is_on(value: Any) -> bool:
    return value in (1, "1")
