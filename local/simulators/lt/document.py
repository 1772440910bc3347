"""Reading RTML 3.1a as strictly as the LT's parser (card, The RTML document; Simulator, point 3).

Element names are compared raw: a prefix is refused. Texts of refusals that the card does not give are made
up in its style.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.dom import minidom
from xml.dom.minidom import Element
from xml.parsers.expat import ExpatError

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:([+-]\d{4})|[+-]\d{2}:\d{2}|Z)?")
CLOUDS = ("clear", "light", "scattered", "heavy")
TYPES = ("camera", "spectrograph", "polarimeter")
CONSTRAINTS = (
    "SeeingConstraint",
    "SkyConstraint",
    "AirmassConstraint",
    "ExtinctionConstraint",
    "MoonConstraint",
    "SeriesConstraint",
)


class Malformed(Exception):
    """The parser refuses the document; `method` is the parser's own, `text` its words."""

    def __init__(self, method: str, text: str) -> None:
        super().__init__(text)
        self.text = f"org.estar.rtml.RTML31Parser:{method}:{text}"


@dataclass(frozen=True)
class Observation:
    """One Schedule. Angles in degrees, times in s; constraints as the XML of each, by element name."""

    device: str | None
    kind: str
    region: str
    filter: str | None
    grating: str | None
    binning: tuple[int, int] | None
    rotor: str | None
    exposure_s: float
    count: int
    target: str
    ra_deg: float
    dec_deg: float
    start: datetime | None
    end: datetime | None
    priority: int
    constraints: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """A document, and its DOM for the echo."""

    mode: str
    uid: str
    project: str | None
    user: str | None
    has_project: bool
    has_contact: bool
    schedules: tuple[Observation, ...]
    root: Element


def read(text: str) -> Document:
    """Raises Malformed."""
    try:
        root = minidom.parseString(text.encode()).documentElement
    except (ExpatError, ValueError) as error:
        raise Malformed("parse", f"org.xml.sax.SAXParseException: {error}") from None
    assert root is not None
    if root.tagName != "RTML":
        raise Malformed("parseRTMLNode", f"Illegal Node Name:{root.tagName}")
    for name in ("mode", "uid", "version"):
        if not root.getAttribute(name):
            raise Malformed("parseRTMLNode", f"RTML has no {name} attribute")
    if root.getAttribute("version") != "3.1a":
        raise Malformed("parseRTMLNode", f"Illegal version:{root.getAttribute('version')}")
    project, contact = _child(root, "Project"), None
    if project is not None:
        contact = _child(project, "Contact")
    return Document(
        mode=root.getAttribute("mode"),
        uid=root.getAttribute("uid"),
        project=(project.getAttribute("ProjectID") or None) if project is not None else None,
        user=_maybe(contact, "Username"),
        has_project=project is not None,
        has_contact=contact is not None,
        schedules=tuple(_schedule(node) for node in _children(root, "Schedule")),
        root=root,
    )


def _schedule(node: Element) -> Observation:
    device = _child(node, "Device")
    setup = _child(device, "Setup") if device is not None else None
    exposure, target = _needed(node, "Exposure"), _needed(node, "Target")
    value = _needed(exposure, "Value")
    if value.getAttribute("units") not in ("seconds", "s", "ms", "milliseconds"):
        raise Malformed("parseExposureNode", f"Illegal units:{value.getAttribute('units')}")
    scale = 0.001 if value.getAttribute("units").startswith("m") else 1.0
    ra_deg, dec_deg = _coordinates(_needed(target, "Coordinates"))
    start, end = _window(_child(node, "DateTimeConstraint"))
    kind = device.getAttribute("type") if device is not None else ""
    if device is not None and kind not in TYPES:
        raise Malformed("parseDeviceNode", f"Illegal type:{kind}")
    rotor = _child(setup, "Device") if setup is not None else None
    if rotor is not None and rotor.getAttribute("rotorSpeed") not in ("slow", "fast"):
        raise Malformed("parseDeviceNode", f"Illegal rotorSpeed:{rotor.getAttribute('rotorSpeed')}")
    return Observation(
        device=(device.getAttribute("name") or None) if device is not None else None,
        kind=kind,
        region=_maybe(device, "SpectralRegion") or "",
        filter=_attribute(setup, "Filter", "type"),
        grating=_attribute(setup, "Grating", "name"),
        binning=_binning(setup),
        rotor=rotor.getAttribute("rotorSpeed") if rotor is not None else None,
        exposure_s=_number(_text(value), "parseExposureNode") * scale,
        count=_integer(exposure.getAttribute("count"), "parseExposureNode"),
        target=target.getAttribute("name"),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        start=start,
        end=end,
        priority=_integer(_maybe(node, "Priority") or "3", "parsePriorityNode"),
        constraints=_constraints(node),
    )


def _coordinates(node: Element) -> tuple[float, float]:
    ra, dec = _needed(node, "RightAscension"), _needed(node, "Declination")
    hours = _integer(_text(_needed(ra, "Hours")), "parseRightAscensionNode", 23)
    minutes = _integer(_text(_needed(ra, "Minutes")), "parseRightAscensionNode", 59)
    seconds = _number(_text(_needed(ra, "Seconds")), "parseRightAscensionNode", 60)
    degrees = _text(_needed(dec, "Degrees"))
    method = "parseDeclinationNode"
    if degrees[:1] not in ("+", "-"):
        raise Malformed(method, f"Illegal Degrees value:{degrees} does not start with a '+' or '-'.")
    whole = _integer(degrees[1:], method, 90)
    arcminutes = _integer(_text(_needed(dec, "Arcminutes")), method, 59)
    arcseconds = _number(_text(_needed(dec, "Arcseconds")), method, 60)
    size = whole + arcminutes / 60 + arcseconds / 3600
    return 15 * (hours + minutes / 60 + seconds / 3600), -size if degrees[0] == "-" else size


def _window(node: Element | None) -> tuple[datetime | None, datetime | None]:
    if node is None:
        return None, None
    method = "parseDateTimeConstraintNode"
    if node.getAttribute("type") != "include":
        raise Malformed(method, f"Illegal type:{node.getAttribute('type')}")
    start, end = (_date(_child(node, name)) for name in ("DateTimeStart", "DateTimeEnd"))
    return start, end


def _date(node: Element | None) -> datetime | None:
    if node is None:
        return None
    method, value = "parseDateTimeNode", node.getAttribute("value")
    if node.getAttribute("system") != "UT":
        raise Malformed(method, f"Illegal system:{node.getAttribute('system')}")
    match = _DATE.fullmatch(value)
    if not match:
        raise Malformed(method, f'java.text.ParseException: Unparseable date: "{value}"')
    try:  # an offset with a colon is not heeded, one without is (card, Cross-field rules)
        if match[1]:
            return datetime.strptime(value[:19] + match[1], "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
        return datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed(method, f'java.text.ParseException: Unparseable date: "{value}"') from None


def _constraints(node: Element) -> dict[str, str]:
    found = {}
    for name in CONSTRAINTS:
        each = _child(node, name)
        if each is not None:
            found[name] = re.sub(r">\s+<", "><", each.toxml())
    airmass, seeing = _child(node, "AirmassConstraint"), _child(node, "SeeingConstraint")
    for each in filter(None, (airmass, seeing)):
        _number(each.getAttribute("maximum"), f"parse{each.tagName}Node")
    if seeing is not None and seeing.getAttribute("units") != "arcseconds":
        raise Malformed("parseSeeingConstraintNode", f"Illegal units:{seeing.getAttribute('units')}")
    sky = _child(node, "SkyConstraint")
    if sky is not None:
        _number(_text(_needed(sky, "Flux")), "parseSkyConstraintNode")
        units = _text(_needed(sky, "Units"))
        if units != "magnitudes/square-arcsecond":
            raise Malformed("parseSkyConstraintNode", f"Illegal Units:{units}")
    clouds = _maybe(_child(node, "ExtinctionConstraint"), "Clouds")
    if clouds is not None and clouds not in CLOUDS:
        raise Malformed("parseExtinctionConstraintNode", f"Illegal Clouds:{clouds}")
    return found


def _binning(setup: Element | None) -> tuple[int, int] | None:
    detector = _child(setup, "Detector") if setup is not None else None
    binning = _child(detector, "Binning") if detector is not None else None
    if binning is None:
        return None
    x, y = (_needed(binning, axis) for axis in "XY")
    for axis in (x, y):
        if axis.getAttribute("units") != "pixels":
            raise Malformed("parseBinningNode", f"Illegal units:{axis.getAttribute('units')}")
    return _integer(_text(x), "parseBinningNode"), _integer(_text(y), "parseBinningNode")


def _integer(text: str, method: str, most: int | None = None) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise Malformed(method, f'java.lang.NumberFormatException: For input string: "{text}"')
    value = int(text)
    if most is not None and not 0 <= value <= most:
        raise Malformed(method, f"{value} is out of range 0 to {most}.")
    return value


def _number(text: str, method: str, below: float | None = None) -> float:
    if not re.fullmatch(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", text):
        raise Malformed(method, f'java.lang.NumberFormatException: For input string: "{text}"')
    value = float(text)
    if below is not None and not 0 <= value < below:
        raise Malformed(method, f"{value} is out of range 0 to {below}.")
    return value


def _children(node: Element, name: str) -> list[Element]:
    return [each for each in node.childNodes if isinstance(each, Element) and each.tagName == name]


def _child(node: Element | None, name: str) -> Element | None:
    return next(iter(_children(node, name)), None) if node is not None else None


def _needed(node: Element, name: str) -> Element:
    found = _child(node, name)
    if found is None:
        raise Malformed(f"parse{node.tagName}Node", f"{name} not found")
    return found


def _text(node: Element) -> str:
    return "".join(each.data for each in node.childNodes if isinstance(each, minidom.Text))


def _maybe(node: Element | None, name: str) -> str | None:
    found = _child(node, name)
    return _text(found) if found is not None else None


def _attribute(node: Element | None, name: str, attribute: str) -> str | None:
    found = _child(node, name)
    return (found.getAttribute(attribute) or None) if found is not None else None
