"""Gemini: whatever is accepted, the server takes; and the peer's recordings."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.gemini import parameters
from tests.gemini_orders import FACILITY, JSON, LINK, order_of

RECORDINGS: list[JSON] = json.loads((Path(__file__).parents[1] / "data" / "peer" / "gemini.json").read_text())


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=30)
BRIGHTNESS = st.sampled_from(["18.4/r/AB", "-1./AP/Jy,3/UC/Vega", "20/u/AB"])


@st.composite
def payloads(draw: st.DrawFn) -> JSON:
    start = draw(st.datetimes(datetime(2026, 12, 1), datetime(2190, 1, 1)))  # noqa: DTZ001
    length = draw(st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
    kind = draw(st.sampled_from(["airmass", "hourAngle", "none"]))
    low, high = (1.0, 3.0) if kind == "airmass" else (-5.5, 5.5)
    limits = sorted(draw(st.lists(st.floats(low, high), min_size=2, max_size=2, unique=True)))
    fields: JSON = {
        "template_ids": draw(st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=3, unique=True)),
        "start_date": start.isoformat(),
        "end_date": (start + length).isoformat(),
        "l_exptime": draw(st.one_of(st.just(0), st.floats(0.5, 1200))),
        "elevationType": kind,
        "l_elmin": limits[0],
        "l_elmax": limits[1],
        "group_name": draw(st.one_of(st.just(""), NAMES)),
        "note": draw(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200)),
        "ready": draw(st.booleans()),
        "posangle": draw(st.floats(-360, 360)),
        "mags": draw(st.one_of(st.none(), BRIGHTNESS)),
    }
    if draw(st.booleans()):
        fields |= {
            "gsra": draw(st.floats(0, 360, exclude_max=True)),
            "gsdec": draw(st.floats(-90, 90)),
            "gsprobe": draw(st.sampled_from(parameters.PROBES)),
            "gsmags": draw(st.one_of(st.none(), BRIGHTNESS)),
        }
    return fields


def apart(a: float, b: float) -> float:
    return abs((a - b + 180) % 360 - 180)


@given(
    payload=payloads(),
    name=NAMES.filter(lambda text: bool(text.strip())),
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-90, 90),
)
@settings(max_examples=50)
def test_whatever_is_accepted_the_simulator_takes(payload: JSON, name: str, ra: float, dec: float) -> None:
    order = order_of(payload=payload, target={"name": name, "ra": ra, "dec": dec})
    for number, request in zip(payload["template_ids"], FACILITY.prepare(order, LINK).exchanges, strict=True):
        pairs = parse_qsl(urlsplit(cast(Any, request).url).query, keep_blank_values=True)
        taken = parameters.read(dict(pairs))
        assert (taken.number, taken.target, taken.ready) == (number, order.target.name, payload["ready"])
        assert apart(taken.ra_deg, ra) < 1e-6
        assert abs(taken.dec_deg - dec) < 1e-6
        assert taken.posangle_deg == payload["posangle"]
        assert (taken.exptime_s is None) == (payload["l_exptime"] == 0)
        assert taken.window is not None
        end = taken.window.start + timedelta(hours=taken.window.hours)
        assert taken.window.start <= order.payload.start_date < order.payload.end_date <= end
        assert end - order.payload.end_date < timedelta(hours=1)
        assert (taken.elevation is None) == (payload["elevationType"] == "none")
        assert (taken.guide_star is None) == ("gsra" not in payload)
        if taken.guide_star:
            assert apart(taken.guide_star.ra_deg, payload["gsra"]) < 1e-6


# -- the peer's recordings

PEERS_MISTAKES = {"gstarg": "gstarget", "gsmag": "gsmags"}
"""Names that the server does not know (card: Pitfalls)."""


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording["name"])
def test_the_same_triggers_as_the_peer_sends(recording: JSON) -> None:
    """Except: the server's names of the guide star's name and brightness, and `ready` in lower case.

    The peer finds a guide star and a position angle by itself and appends its finder chart's address to the
    note: here the caller gives what is to be sent. Its address is that of the test system.
    """
    sent = recording["peer"]["sent"]
    theirs = sent[0]["params"]
    star = {PEERS_MISTAKES.get(key, key): v for key, v in theirs.items() if key.startswith("gs")}
    given = {**recording["payload"], **star, "posangle": theirs["posangle"], "note": theirs["note"]}
    order = order_of(
        payload=given,
        target={"name": recording["target"]["id"], **{k: recording["target"][k] for k in ("ra", "dec")}},
        altdata=recording["altdata"],
    )
    requests = FACILITY.prepare(order, LINK).exchanges
    assert len(requests) == len(sent)
    for ours, peer in zip(requests, sent, strict=True):
        request = cast(Any, ours)
        found = dict(parse_qsl(urlsplit(request.url).query))
        expected = {PEERS_MISTAKES.get(key, key): str(value) for key, value in peer["params"].items()}
        expected |= {"ready": "true", "gsra": "14:03:40.1000", "gsdec": "+54:20:10.500"}
        expected |= {"dec": f"+{expected['dec']}"}
        assert request.method == peer["method"]
        assert urlsplit(request.url).path == urlsplit(peer["url"]).path
        assert found == expected
