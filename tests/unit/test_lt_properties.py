"""Liverpool Telescope: whatever is accepted here makes a document that the simulated LT accepts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.lt import checks, document, seed
from local.simulators.lt.phase2 import group_name
from lt import rtml
from lt.payloads import IOOFilter, LiricFilter, MoptopFilter, Sdss
from slew.errors import Invalid
from tests.lt_orders import FACILITY as LT
from tests.lt_orders import NOW, UNUSED, argument, order

JSON = dict[str, Any]


def seconds() -> st.SearchStrategy[float]:
    return st.floats(1, 86400) | st.integers(1, 86400)


def counts() -> st.SearchStrategy[int]:
    return st.integers(1, 86400)


@st.composite
def filters(draw: st.DrawFn, kind: Any, *, by_filter: bool = True) -> JSON:
    chosen = draw(st.lists(st.sampled_from(kind.__args__), min_size=1, unique=True))
    fields: JSON = {"observation_choices": chosen}
    if by_filter and draw(st.booleans()):
        some = st.sampled_from(chosen)
        fields["exposure_time_by_filter"] = draw(st.dictionaries(some, seconds()))
        fields["exposure_counts_by_filter"] = draw(st.dictionaries(some, counts()))
    return fields


BINNING = st.fixed_dictionaries({}, optional={"binning": st.sampled_from(["1x1", "2x2"])})
OWN: dict[str, st.SearchStrategy[JSON]] = {
    "ioo": st.builds(lambda one, two: {**one, **two}, filters(IOOFilter), BINNING),
    "loci": st.builds(lambda one, two: {**one, **two}, filters(Sdss), BINNING),
    "liric": filters(LiricFilter),
    "moptop": filters(MoptopFilter, by_filter=False),
    "sprat": st.fixed_dictionaries({}, optional={"observation_type": st.sampled_from(["blue", "red"])}),
    "frodo": st.fixed_dictionaries(
        {},
        optional={
            "res_blue": st.sampled_from(["low", "high"]),
            "res_red": st.sampled_from(["low", "high"]),
            "exp_time_blue": seconds(),
            "exp_time_red": seconds(),
            "exp_count_blue": counts(),
            "exp_count_red": counts(),
        },
    ),
}


@st.composite
def payloads(draw: st.DrawFn, instrument: str) -> JSON:
    common: JSON = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "exposure_time": seconds(),
                "maximum_airmass": st.floats(1, 3),
                "maximum_seeing": st.floats(0, 5, exclude_min=True),
                "sky_brightness": st.floats(0, 5),
                "photometric": st.sampled_from([True, False, "clear", "light"]),
                "priority": st.floats(1, 5),
            },
        )
    )
    if instrument != "moptop" and draw(st.booleans()):
        common["exposure_counts"] = draw(counts())
    zone = draw(st.sampled_from(["", "+00:00", "+05:30", "-10:00"]))
    if draw(st.booleans()):
        start = NOW + draw(st.timedeltas(timedelta(days=1), timedelta(days=2000)))
        common["start_date"] = start.strftime("%Y-%m-%dT%H:%M:%S.%f") + zone
        if draw(st.booleans()):
            end = start + draw(st.timedeltas(timedelta(0), timedelta(days=300)))
            common["end_date"] = end.strftime("%Y-%m-%dT%H:%M:%S.%f") + zone
    return {**common, **draw(OWN[instrument])}


NAMES = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Cn")),
    min_size=1,
    max_size=200,
).filter(lambda name: name.strip() and name.isprintable())


@pytest.mark.parametrize("instrument", sorted(OWN))
@given(data=st.data(), ra=st.floats(0, 360, exclude_max=True), dec=st.floats(-31.2, 88.7), name=NAMES)
@settings(max_examples=50)
def test_the_lt_accepts_it(instrument: str, data: st.DataObject, ra: float, dec: float, name: str) -> None:
    fields = data.draw(payloads(instrument))
    wanted = order(instrument, fields, target={"ra": ra, "dec": dec, "name": name})
    text = argument(LT.prepare(wanted, UNUSED).http().body)
    found = document.read(text)
    checks.check_request(found, "LT/ltuser01", seed.proposals())
    setups = wanted.payload.setups()
    assert [each.device for each in found.schedules] == [setup.device.name for setup in setups]
    for schedule, setup in zip(found.schedules, setups, strict=True):
        assert (schedule.exposure_s, schedule.count) == (setup.exposure_s, setup.count)
        assert abs((schedule.ra_deg - ra + 180) % 360 - 180) < 1e-8
        assert abs(schedule.dec_deg - dec) < 1e-8
        assert schedule.target == name.strip()
        assert schedule.priority == 3
    assert group_name(found.uid) == rtml.group_name(found.uid)
    window = LT.window(wanted.payload)
    assert window is not None
    first = found.schedules[0]
    assert first.start is not None
    assert first.end is not None
    assert first.start <= first.end
    if "start_date" in fields:
        assert timedelta(0) <= window[0] - first.start < timedelta(seconds=1)


@given(
    dec=st.floats(-90, 90),
    away=st.timedeltas(timedelta(days=-900), timedelta(days=900)),
)
@settings(max_examples=50)
def test_only_what_can_be_observed_is_sent(dec: float, away: timedelta) -> None:
    end = NOW + away
    wanted = order("sprat", {"end_date": end.isoformat()}, target={"dec": dec})
    possible = end > NOW and 90 - abs(dec - 28.7624) >= 30
    try:
        LT.prepare(wanted, UNUSED)
    except Invalid:
        assert not possible
    else:
        assert possible
