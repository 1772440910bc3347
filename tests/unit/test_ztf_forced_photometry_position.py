"""Which position IPAC is asked for: the target's, or the centroid of its measurements."""

from __future__ import annotations

from typing import Any

import pytest

from slew.errors import Invalid
from slew.models import Target
from slew.validation import parse
from ztf_forced_photometry import position
from ztf_forced_photometry.models import (
    ALERT_CENTROID,
    CENTROID,
    ZTF_ALERT_CENTROID,
    Point,
    ZtfForcedPhotometryPayload,
)

JSON = dict[str, Any]
TARGET = {"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651}


def position_of(target: JSON | None = None, **fields: Any) -> tuple[float, float]:
    dates = {"start_date": "2026-11-01", "end_date": "2026-11-20"}
    payload = parse(ZtfForcedPhotometryPayload, {**dates, **fields}, ["payload"])
    return position.position(Target(**{**TARGET, **(target or {})}), payload)


def test_the_targets_coordinates_are_the_default() -> None:
    assert position_of() == (210.910674637, 54.311651)


def point(ra: float, dec: float, flux: float = 100.0, **more: Any) -> Point:
    return Point(**{"ra": ra, "dec": dec, "flux": flux, "fluxerr": 10.0, "stream": "alerts", **more})


def test_the_centroid_is_weighted_by_signal_to_noise() -> None:
    points = [point(10.0, 20.0), point(10.004, 20.002, 300.0)]
    assert position.centroid(points, CENTROID, 10.0) == pytest.approx((10.003, 20.0015))


def test_the_centroid_knows_that_0_is_360() -> None:
    points = [point(359.999, 20.0), point(0.003, 20.0)]
    assert position.centroid(points, CENTROID, 359.9999)[0] == pytest.approx(0.001)
    assert position.centroid(points, CENTROID, 0.0001)[0] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("left_out", "mode", "counts"),
    [
        ({"origin": "alert_FP"}, CENTROID, False),
        ({"origin": None}, CENTROID, True),
        ({"stream": None}, CENTROID, True),
        ({"stream": None}, ALERT_CENTROID, False),
        ({"stream": ""}, ZTF_ALERT_CENTROID, False),
        ({"instrument": "ATLAS"}, ALERT_CENTROID, True),
        ({"instrument": "ATLAS"}, ZTF_ALERT_CENTROID, False),
        ({"instrument": "CFH12k"}, ZTF_ALERT_CENTROID, True),
        ({"fluxerr": None}, CENTROID, False),
        ({"fluxerr": 0.0}, CENTROID, False),
        ({"flux": None}, CENTROID, False),
        ({"flux": -500.0}, CENTROID, False),
        ({"flux": 30.0}, CENTROID, False),
        ({"ra": None}, CENTROID, False),
        ({"dec": None}, CENTROID, False),
    ],
)
def test_which_points_count(left_out: JSON, mode: str, counts: bool) -> None:
    fields = {"ra": 10.004, "dec": 20.0, "instrument": "ZTF", **left_out}
    other = Point(**{"flux": 100.0, "fluxerr": 10.0, "stream": "alerts", **fields})
    points = [point(10.0, 20.0, instrument="ZTF"), other]
    expected = 10.002 if counts else 10.0
    assert position.centroid(points, mode, 10.0)[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "text"),
    [
        ([], position.NO_POINT),
        ([point(1, 2, origin="fp")], position.NO_POINT),
        ([point(1, 2, 29.0)], position.ALL_FAINT),
        ([point(1, 2, -100.0)], position.ALL_FAINT),
        ([point(1, 2, 1e308, fluxerr=1e-9)], position.NOT_COMPUTED),
    ],
)
def test_a_centroid_that_cannot_be_had_says_so_in_the_known_words(points: list[Point], text: str) -> None:
    given = [each.model_dump(exclude_none=True) for each in points]
    with pytest.raises(Invalid) as caught:
        position_of(position=CENTROID, photometry=given)
    assert caught.value.errors[0].loc == ("payload", "position")
    assert caught.value.errors[0].msg == text


def test_the_targets_own_photometry_has_no_positions() -> None:
    target = {"photometry": [{"mjd": 60000.0, "filter": "ztfr", "mag": 17.0}]}
    with pytest.raises(Invalid, match="No photometry found"):
        position_of(target, position=CENTROID)
