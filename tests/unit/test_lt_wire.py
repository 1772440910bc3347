"""Liverpool Telescope: the exact call and RTML that follow from an order; no server involved."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lt import rtml, soap
from lt.models import stamp
from slew import astro
from slew.errors import Invalid
from slew.facility import Order
from tests.lt_orders import FACILITY, NOW, REQUEST_ID, SPACE, UNUSED, argument, find, order, sent, text

JSON = dict[str, Any]
PEER = Path(__file__).parents[1] / "data" / "peer" / "lt.json"
RECORDINGS: list[JSON] = json.loads(PEER.read_text())
INSTRUMENT = {"IOOAPI": "ioo", "SPRATAPI": "sprat"}
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?")


def tree(node: ElementTree.Element, digits: int = 5) -> Any:
    """An element as values that compare by meaning: numbers rounded, order of what is inside kept."""

    def value(words: str) -> Any:
        # `+54` and `-0` carry a sign that matters; other numbers are alike if they are equal.
        plain = words.strip()
        return round(float(plain), digits) if _NUMBER.fullmatch(plain) and plain[0] not in "+-" else plain

    attributes = {name: value(given) for name, given in sorted(node.attrib.items()) if name != "uid"}
    return node.tag, attributes, value(node.text or ""), [tree(child, digits) for child in node]


def from_recording(recording: JSON) -> Order[Any, Any]:
    target = recording["target"]
    return order(
        INSTRUMENT[recording["peer_class"]],
        recording["payload"],
        target={"name": target["id"], "ra": target["ra"], "dec": target["dec"]},
        altdata=recording["altdata"],
        request_id=str(recording["request_id"]),
    )


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each["name"])
def test_the_document_is_that_of_skyportal(recording: JSON) -> None:
    [peer] = recording["peer"]["sent"]
    wanted = from_recording(recording)
    ours, theirs = sent(wanted), ElementTree.fromstring(peer["body"])
    assert tree(ours) == tree(theirs)
    theirs_uid, ours_uid = theirs.attrib["uid"], ours.attrib["uid"]
    assert ours_uid.rpartition("-")[0] == theirs_uid.rpartition("-")[0]  # the rest is the time of sending
    request = FACILITY.prepare(wanted, UNUSED).http()
    assert {name: request.headers[name] for name in peer["headers"]} == peer["headers"]
    # Card, Transport: the WSDL, which the peer's library fetches first, is not needed.
    assert request.url == peer["url"].removesuffix("?wsdl")


def test_every_recording_of_the_peer_is_compared() -> None:
    assert {each["peer_class"] for each in RECORDINGS} == set(INSTRUMENT)


# -- the call


def test_the_envelope_is_soap_1_1_with_the_document_as_text() -> None:
    request = FACILITY.prepare(order(), UNUSED).http()
    assert (request.method, request.headers["SOAPAction"]) == ("POST", '""')
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert (request.headers["Username"], request.headers["Password"]) == ("ltuser01", "correct-horse")
    envelope = ElementTree.fromstring(request.body)
    assert envelope.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"
    [body] = envelope.findall("{http://schemas.xmlsoap.org/soap/envelope/}Body")
    [operation] = body
    assert operation.tag == "{http://node_agent2.estar.org/}handle_rtml"
    [part] = operation
    assert (part.tag, len(part)) == ("arg0", 0)
    assert argument(request.body).startswith("<RTML ")


def test_ping_has_no_argument() -> None:
    [operation] = ElementTree.fromstring(soap.envelope("ping"))[1]
    assert (operation.tag, len(operation)) == ("{http://node_agent2.estar.org/}ping", 0)


def test_an_allocation_may_name_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    own = order(altdata={"host": "lt.example.org", "port": 8443, "scheme": "https"})
    request = FACILITY.prepare(own, UNUSED).http()
    assert request.url == "https://lt.example.org:8443/node_agent2/node_agent"
    assert request.untrusted
    monkeypatch.setenv("SLEW_LT_URL", "http://lt.example.net:8080/")
    request = FACILITY.prepare(order(), UNUSED).http()
    assert (request.url, request.untrusted) == ("http://lt.example.net:8080/node_agent2/node_agent", False)


# -- the document


def test_the_root_has_the_namespace_as_default_and_no_prefix() -> None:
    document = argument(FACILITY.prepare(order(), UNUSED).http().body)
    assert not re.search(r"</?\w+:", document)
    root = ElementTree.fromstring(document)
    assert root.tag == f"{SPACE}RTML"
    assert (root.attrib["mode"], root.attrib["version"]) == ("request", "3.1a")
    assert "Priority" not in document


def device(root: ElementTree.Element, number: int = 0) -> ElementTree.Element:
    return root.findall(f"{SPACE}Schedule/{SPACE}Device")[number]


@pytest.mark.parametrize(
    ("instrument", "fields", "expected"),
    [
        ("ioo", {"observation_choices": ["u"]}, ("IO:O", "camera", "optical", "U", None, "2")),
        ("ioo", {"observation_choices": ["B"]}, ("IO:O", "camera", "optical", "B", None, "2")),
        (
            "ioo",
            {"observation_choices": ["Halpha6566"], "binning": "1x1"},
            ("IO:O", "camera", "optical", "Halpha6566", None, "1"),
        ),
        ("sprat", {}, ("Sprat", "spectrograph", "optical", None, "blue", "1")),
        ("sprat", {"observation_type": "red"}, ("Sprat", "spectrograph", "optical", None, "red", "1")),
        ("sprat", {"binning": "2x2"}, ("Sprat", "spectrograph", "optical", None, "blue", "1")),
        ("liric", {"observation_choices": ["J"]}, ("LIRIC", "camera", "infrared", "J", None, "1")),
        ("loci", {"observation_choices": ["z"]}, ("LOCI", "camera", "optical", "Z", None, "2")),
        ("moptop", {"observation_choices": ["L"]}, ("Moptop", "polarimeter", "optical", "L", None, None)),
    ],
)
def test_devices(instrument: str, fields: JSON, expected: tuple[Any, ...]) -> None:
    found = device(sent(order(instrument, fields)))
    setup = find(found, "Setup")
    filter_, grating = setup.find(f"{SPACE}Filter"), setup.find(f"{SPACE}Grating")
    binning = [each.text for each in setup.iter() if each.tag in (f"{SPACE}X", f"{SPACE}Y")]
    assert (
        found.attrib["name"],
        found.attrib["type"],
        text(found, "SpectralRegion"),
        filter_.attrib["type"] if filter_ is not None else None,
        grating.attrib["name"] if grating is not None else None,
        binning[0] if binning else None,
    ) == expected
    assert len(set(binning)) <= 1


@pytest.mark.parametrize("speed", ["slow", "fast"])
def test_moptop_has_its_rotor_and_one_exposure(speed: str) -> None:
    root = sent(order("moptop", {"rot_speed": speed, "exposure_time": 90}))
    rotor = find(device(root), "Setup/Device")
    assert rotor.attrib == {"rotorSpeed": speed, "type": "half-wave_plate"}
    assert find(root, "Schedule/Exposure").attrib == {"count": "1"}
    assert text(root, "Schedule/Exposure/Value") == "90.0"


def test_frodo_has_a_schedule_an_arm() -> None:
    fields = {"res_red": "high", "exp_time_blue": 600.0, "exp_count_red": 3, "exposure_time": 100}
    root = sent(order("frodo", fields))
    shown = [
        (
            find(each, "Device").attrib["name"],
            find(each, "Device/Setup/Grating").attrib["name"],
            text(each, "Exposure/Value"),
            find(each, "Exposure").attrib["count"],
        )
        for each in root.findall(f"{SPACE}Schedule")
    ]
    assert shown == [("FrodoSpec-Blue", "low", "600.0", "1"), ("FrodoSpec-Red", "high", "100.0", "3")]


def test_exposures_by_filter() -> None:
    fields = {
        "observation_choices": ["z", "u", "g"],
        "exposure_time": 60,
        "exposure_counts": 2,
        "exposure_time_by_filter": {"u": 600},
        "exposure_counts_by_filter": {"g": 5},
    }
    root = sent(order("ioo", fields))
    shown = [
        (
            find(each, "Device/Setup/Filter").attrib["type"],
            text(each, "Exposure/Value"),
            find(each, "Exposure").attrib["count"],
        )
        for each in root.findall(f"{SPACE}Schedule")
    ]
    assert shown == [("Z", "60.0", "2"), ("U", "600.0", "2"), ("G", "60.0", "5")]


def test_all_schedules_have_the_same_constraints() -> None:
    root = sent(order("ioo", {"observation_choices": ["u", "g", "r", "i", "z"], "photometric": True}))
    rest = {
        b"".join(ElementTree.tostring(each) for each in schedule[2:])
        for schedule in root.findall(f"{SPACE}Schedule")
    }
    assert len(rest) == 1


@pytest.mark.parametrize(
    ("ra", "dec", "ra_parts", "dec_parts"),
    [
        (229.9620403, 34.8442757, ("15", "19", "50.889672"), ("+34", "50", "39.39252")),
        (0.0, -0.25, ("0", "0", "0.0"), ("-0", "15", "0.0")),
        (0.0, 0.25, ("0", "0", "0.0"), ("+0", "15", "0.0")),
        (0.0, -0.0, ("0", "0", "0.0"), ("-0", "0", "0.0")),
        (359.9999999999, 29.9999999999, ("0", "0", "0.0"), ("+30", "0", "0.0")),
        (15.0, -1.5, ("1", "0", "0.0"), ("-1", "30", "0.0")),
    ],
)
def test_coordinates(ra: float, dec: float, ra_parts: tuple[str, ...], dec_parts: tuple[str, ...]) -> None:
    root = sent(order("sprat", target={"ra": ra, "dec": dec}))
    at = "Schedule/Target/Coordinates"
    names = ("RightAscension/Hours", "RightAscension/Minutes", "RightAscension/Seconds")
    assert tuple(text(root, f"{at}/{name}") for name in names) == ra_parts
    names = ("Declination/Degrees", "Declination/Arcminutes", "Declination/Arcseconds")
    assert tuple(text(root, f"{at}/{name}") for name in names) == dec_parts


def window(root: ElementTree.Element) -> tuple[str, str]:
    at = "Schedule/DateTimeConstraint/DateTime"
    return find(root, f"{at}Start").attrib["value"], find(root, f"{at}End").attrib["value"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("2026-11-22T19:30:00+00:00", "2026-11-29T19:30:00+00:00")),
        ({"start_date": "2026-12-01"}, ("2026-12-01T00:00:00+00:00", "2026-12-08T00:00:00+00:00")),
        ({"end_date": "2026-12-01"}, ("2026-11-22T19:30:00+00:00", "2026-12-01T00:00:00+00:00")),
        # Card, Pitfalls: the peer cuts an offset off, and the LT itself does not heed one with a colon.
        (
            {"start_date": "2026-12-01T20:00:00+01:00", "end_date": "2026-12-02 20:00"},
            ("2026-12-01T19:00:00+00:00", "2026-12-02T20:00:00+00:00"),
        ),
        (
            {"start_date": "2026-12-01T00:00:00.999", "end_date": "2026-12-01T00:00:00.999"},
            ("2026-12-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        ),
    ],
)
def test_windows(fields: JSON, expected: tuple[str, str]) -> None:
    assert window(sent(order("sprat", fields))) == expected


def test_constraints() -> None:
    fields = {"maximum_airmass": 1.5, "maximum_seeing": 2, "sky_brightness": 0, "photometric": "clear"}
    root = sent(order("sprat", fields))
    assert find(root, "Schedule/AirmassConstraint").attrib == {"maximum": "1.5"}
    assert find(root, "Schedule/SeeingConstraint").attrib == {"maximum": "2.0", "units": "arcseconds"}
    assert text(root, "Schedule/SkyConstraint/Flux") == "0.0"
    assert text(root, "Schedule/SkyConstraint/Units") == "magnitudes/square-arcsecond"
    assert text(root, "Schedule/ExtinctionConstraint/Clouds") == "clear"
    root = sent(order("sprat", {"photometric": "light"}))
    assert text(root, "Schedule/ExtinctionConstraint/Clouds") == "light"


def test_names_are_escaped() -> None:
    wanted = order("sprat", target={"name": 'A&B "<x>"'}, altdata={"username": "a&b<c>"})
    root = sent(wanted)
    assert find(root, "Schedule/Target").attrib["name"] == 'A&B "<x>"'
    assert text(root, "Project/Contact/Username") == "a&b<c>"


@pytest.mark.parametrize("mode", ["abort", "update"])
def test_documents_about_a_document(mode: rtml.Mode) -> None:
    root = ElementTree.fromstring(rtml.about(mode, "x-1-2", order().altdata))
    assert (root.attrib["mode"], root.attrib["uid"], len(root)) == (mode, "x-1-2", 1)
    assert [each.tag.removeprefix(SPACE) for each in find(root, "Project/Contact")] == [
        "Username",
        "Name",
        "Communication",
    ]


# -- uid


@pytest.mark.parametrize("name", ["ZTF26aabcdef", "SN 2023ixf", "Ö/x?", "x" * 200])
def test_a_uid_is_short_and_plain(name: str) -> None:
    uid = rtml.new_uid(name, REQUEST_ID, NOW)
    assert len(uid) < 60
    assert re.fullmatch(r"[A-Za-z0-9_.+-]+", uid)
    assert uid.endswith(f"-{REQUEST_ID}-{int(NOW.timestamp())}")
    assert len(rtml.revised_uid(rtml.revised_uid(uid))) < 60


def test_a_revision_follows_from_the_uid_alone() -> None:
    second = rtml.revised_uid("ZTF26aabcdef-1-1768910400")
    assert (second, rtml.revised_uid(second)) == (
        "ZTF26aabcdef-1-1768910400-r2",
        "ZTF26aabcdef-1-1768910400-r3",
    )
    assert rtml.group_name("ZTF26aabcdef-4711-1768910400") == "ZTF26aabcdef_4711_1768910400"


def test_what_is_sent_again_keeps_its_uid() -> None:
    kept = {"uid": "ZTF26aabcdef-1-1768910400"}
    assert sent(order(facility_data=kept)).attrib["uid"] == kept["uid"]
    changed = order(facility_data=kept, facility_request_id=kept["uid"])
    assert sent(changed).attrib["uid"] == "ZTF26aabcdef-1-1768910400-r2"


# -- what is refused or noted before anything is sent


@pytest.mark.parametrize(
    ("target", "fields", "field"),
    [
        ({"name": "a\uffff"}, {}, "target.name"),
        ({"dec": -31.5}, {}, "target.dec"),
        ({"dec": 89.5}, {}, "target.dec"),
        ({}, {"end_date": stamp(NOW)}, "payload.end_date"),
        ({}, {"start_date": "2026-10-01", "end_date": "2026-10-08"}, "payload.end_date"),
    ],
)
def test_what_can_never_be_observed_is_refused(target: JSON, fields: JSON, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(order("sprat", fields, target=target), UNUSED)
    assert ".".join(map(str, caught.value.errors[0].loc)) == field


@pytest.mark.parametrize(
    ("instrument", "fields", "target", "words"),
    [
        ("ioo", {"priority": 3}, {}, "priority is not sent"),
        ("sprat", {"binning": "2x2"}, {}, "binning is ignored"),
        ("liric", {"exposure_counts": 3}, {}, "at least 9 exposures"),
        ("frodo", {}, {}, "offline since 2021"),
        ("sprat", {}, {"name": "test"}, "use a unique one"),
        ("sprat", {}, {"name": "ZTF"}, "use a unique one"),
        ("sprat", {}, {"proper_motion_ra": 10.0}, "proper motion is not sent"),
        ("sprat", {"maximum_airmass": 1.2}, {"dec": -20.0}, "never gets below airmass 1.52"),
    ],
)
def test_notes(instrument: str, fields: JSON, target: JSON, words: str) -> None:
    [note] = FACILITY.prepare(order(instrument, fields, target=target), UNUSED).notes
    assert words in note


@pytest.mark.parametrize("instrument", ["ioo", "sprat", "liric", "moptop", "loci"])
def test_an_ordinary_request_has_no_notes(instrument: str) -> None:
    assert FACILITY.prepare(order(instrument), UNUSED).notes == ()


@pytest.mark.parametrize(
    ("before", "dec", "name"),
    [
        ("ZTF26aabcdef", 34.8442757, "ZTF26aabcdef"),
        ("ZTF26aabcdef", 34.8442757 + 0.5 / 3600, "ZTF26aabcdef"),
        ("ZTF26aabcdef", 34.8442757 + 2 / 3600, "ZTF26aabcdef_2"),
        ("ZTF26aabcdef_2", 34.8442757 + 2 / 3600, "ZTF26aabcdef_3"),
        ("ZTF26aabcdef_2", 34.8442757, "ZTF26aabcdef_2"),
        ("other", 34.8442757 + 2 / 3600, "ZTF26aabcdef"),
    ],
)
def test_a_corrected_position_gets_a_new_name(before: str, dec: float, name: str) -> None:
    known = {"uid": "u-1-2", "target": {"name": before, "ra": 229.9620403, "dec": 34.8442757}}
    changed = order("sprat", target={"dec": dec}, facility_data=known, facility_request_id="u-1-2")
    root = sent(changed)
    assert find(root, "Schedule/Target").attrib["name"] == name
    renamed = name != before and before.startswith("ZTF")
    assert [("sent as target" in note) for note in FACILITY.prepare(changed, UNUSED).notes] == [
        True
    ] * renamed


def test_the_window_for_validity_ranges() -> None:
    wanted = order("sprat", {"start_date": "2026-12-01", "end_date": "2026-12-03"})
    assert FACILITY.window(wanted.payload) == tuple(map(astro.parse_utc, ("2026-12-01", "2026-12-03")))
    found = FACILITY.window(order("sprat").payload)
    assert found is not None
    assert isinstance(found[0], datetime)
    assert found[1] - found[0] == timedelta(days=7)
