"""The body of a submission: the payload in the service's own terms (card: Submit)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slew.facility import Payload
from slew.models import Target
from swift_xrt import met
from swift_xrt.models import POSITIONS, SwiftXrtPayload
from swift_xrt.parameters import (
    AstrometryParameters,
    ImageParameters,
    LightCurveParameters,
    PositionParameters,
    SourceDetectionParameters,
    SpectrumParameters,
)

Body = dict[str, Any]

FLAGS = {
    "lc": "lc",
    "spec": "spec",
    "psf": "dopsf",
    "enh": "doenh",
    "xastrom": "doxastrom",
    "image": "image",
    "sourceDet": "sourceDet",
}
"""The parameter that asks for a product, by the product's short name, which all other calls use."""

_COUNTS = {"pccounts": 20, "wtcounts": 30, "dynamic": 1}
_TIMES = {"pcbin": 100, "wtbin": 10}


def submission(payload: SwiftXrtPayload, target: Target, now: datetime) -> Body:
    """All parameters of a job but the user's and the client's identity; flags are 0 or 1."""
    body = {**_source(payload, target), **_reference_time(payload, now)}
    wanted = payload.products
    if "lc" in wanted:
        body |= _light_curve(payload)
    if "spec" in wanted:
        body |= _spectrum(payload)
    if payload.srcrad is not None:
        body["srcrad"] = payload.srcrad
    for product in wanted:
        body[FLAGS[product]] = 1
    if POSITIONS & set(wanted):
        body |= _positions(payload)
    if "xastrom" in wanted:
        body |= _given(payload, AstrometryParameters)
    if "image" in wanted:
        body |= _chosen(_given(payload, ImageParameters), "imobs", "useimobs")
    if "sourceDet" in wanted:
        body |= _chosen(_given(payload, SourceDetectionParameters), "detobs", "usedetobs")
    return body


def _source(payload: SwiftXrtPayload, target: Target) -> Body:
    body: Body = {"name": target.name}
    if payload.targ is not None:
        body |= {"targ": payload.targ.replace(" ", ""), "getTargs": 0}
    else:
        body["getTargs"] = 1
    if payload.getCoords is not None:
        body["getCoords"] = int(payload.getCoords)
    if not payload.only_detects:
        if not payload.getCoords:
            body |= {"RA": float(target.ra), "Dec": float(target.dec)}
        body |= {
            "cent": int(payload.centroids),
            "centMeth": payload.centMeth,
            "poserr": payload.poserr,
            "useSXPS": int(payload.useSXPS),
        }
    for name in ("maxCentTries", "sss", "wtpuprate", "pcpuprate", "notify", "SinceT0"):
        if (value := getattr(payload, name)) is not None:
            body[name] = _wire_value(value)
    return body


def _reference_time(payload: SwiftXrtPayload, now: datetime) -> Body:
    """A time that is given switches the look-up off, as swifttools does."""
    if payload.getT0:
        return {"getT0": 1}
    if payload.Tstart is not None:
        return {"Tstart": payload.Tstart, "getT0": 0}
    return {"Tstart": round(met.of_utc(payload.T0 or now), 3), "getT0": 0}


def _light_curve(payload: SwiftXrtPayload) -> Body:
    body = _chosen(_given(payload, LightCurveParameters), "lcobs", "uselcobs")
    defaults: Mapping[str, int] = {"counts": _COUNTS, "time": _TIMES}.get(payload.binMeth, {})
    return {**defaults, **body}


def _spectrum(payload: SwiftXrtPayload) -> Body:
    body = _given(payload, SpectrumParameters)
    body["specz"] = int(payload.zval is not None)
    if payload.zval is not None:
        body.setdefault("galactic", 1)
    if payload.rname1 or payload.rname2 or payload.rname3 or payload.rname4:
        body["timeslice"] = "user"
    return _hours(_chosen(body, "specobs", "usespecobs"), "specobs", "specobstime")


def _positions(payload: SwiftXrtPayload) -> Body:
    body = _given(payload, PositionParameters)
    if isinstance(payload.detornot, str):
        body["detornot"] = payload.detornot
    return _hours(_chosen(body, "posobs", "useposobs"), "posobs", "posobstime")


def _given(payload: SwiftXrtPayload, group: type[Payload]) -> Body:
    """The parameters of one group that have a value."""
    values = {name: getattr(payload, name) for name in group.model_fields}
    return {name: _wire_value(value) for name, value in values.items() if value is not None}


def _wire_value(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return list(value) if isinstance(value, tuple) else value


def _chosen(body: Body, which: str, selection: str) -> Body:
    """Observations that are named are the ones to use, also where the payload does not say so."""
    return {**body, which: "user"} if selection in body else body


def _hours(body: Body, which: str, hours: str) -> Body:
    """The first hours and their number go together: the service wants both or neither."""
    if body.get(which) == "hours":
        return {hours: 12.0, **body}
    return {**body, which: "hours"} if hours in body else body
