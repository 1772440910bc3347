"""Any accepted payload makes a request that Swift's simulator accepts, in both protocols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulators.swift_too import SwiftTooServer, demands, signed
from slew.errors import Invalid
from slew.models import Target
from slew.status import Status
from swift_too import form
from swift_too.answers import outcome_of
from swift_too.models import SwiftTooPayload
from swift_too.records import Entry, File, Snapshot, Window
from swift_too.target_of_opportunity import TooPayload
from swift_too.values import SIGNED_ONLY_UNITS, UVOT_MODES, XRT_MODES, cadence_unit
from tests.swift_too_bench import Bench

JSON = dict[str, Any]
CLEAN = st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs"))
LINE = st.text(CLEAN, min_size=1, max_size=30).filter(lambda text: bool(text.strip()))
SECONDS = st.integers(1, 10**6)
NUMBER = st.floats(0, 1e9, allow_nan=False)
YEARS = st.integers(2000, 2099)
FRACTION = st.sampled_from(["", ".5", ".123456", "Z"])
CADENCE = st.one_of(
    st.integers(1, 400),
    st.floats(1e-6, 400, allow_nan=False),
    st.builds(
        "{} {}".format,
        st.integers(1, 99),
        st.sampled_from(["day", "days", "weeks", "month", "orbits", "minutes", "second", "hours", "years"]),
    ),
)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "exposure_time": SECONDS,
    "exposure_counts": st.integers(1, 1000),
    "monitoring_freq": CADENCE,
    "urgency": st.sampled_from(["2", "3", "4", 2, 3, 4]),
    "obs_type": st.sampled_from(["Spectroscopy", "Light Curve", "Position", "Timing"]),
    "source_type": LINE,
    "uvot_mode": st.sampled_from([*UVOT_MODES, *(f"{mode} - {text}" for mode, text in UVOT_MODES.items())]),
    "poserr": NUMBER,
    "xrt_countrate": NUMBER,
    "instrument": st.sampled_from(["XRT", "UVOT", "BAT"]),
    "xrt_mode": st.sampled_from([*XRT_MODES, *XRT_MODES.values()]),
    "bat_countrate": st.one_of(LINE, NUMBER),
    "other_brightness": LINE,
    "proposal": st.booleans(),
    "tiling": st.booleans(),
    "number_of_tiles": st.sampled_from(["4", "7", "19", "37", "Other", 4, 37]),
    "exposure_time_per_tile": SECONDS,
    "slew_in_place": st.booleans(),
    "debug": st.just(False),
}
TOGETHER: dict[str, st.SearchStrategy[Any]] = {
    "exp_time_just": LINE,
    "immediate_objective": LINE,
    "science_just": LINE,
    "uvot_just": LINE,
    "opt_mag": st.floats(-30, 40),
    "opt_filt": LINE,
    "grb_detector": LINE,
    "grb_triggertime": st.builds(
        "{}-08-{:02d} 23:{:02d}:03{}".format, YEARS, st.integers(1, 31), st.integers(0, 59), FRACTION
    ),
    "proposal_id": st.one_of(LINE, st.integers(1, 10**9)),
    "proposal_pi": LINE,
    "proposal_trigger_just": LINE,
    "tiling_justification": LINE,
}
PAYLOADS = st.fixed_dictionaries(TOGETHER, optional=OPTIONAL)
TARGETS = st.fixed_dictionaries(
    {
        "name": LINE,
        "ra": st.floats(100, 359.999, allow_nan=False),  # the scripted positions are elsewhere
        "dec": st.floats(-90, 90, allow_nan=False),
    }
)


@pytest.fixture(scope="module")
def server() -> Iterator[SwiftTooServer]:
    simulator = SwiftTooServer()
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.mark.parametrize("version", ["v2", "v1.2"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(payload=PAYLOADS, target=TARGETS)
def test_an_accepted_payload_is_taken(
    server: SwiftTooServer, monkeypatch: pytest.MonkeyPatch, version: str, payload: JSON, target: JSON
) -> None:
    monkeypatch.setenv("SLEW_SWIFT_TOO_URL", server.base_url)
    monkeypatch.setenv("SLEW_SWIFT_TOO_V1_URL", server.extra_urls()["v1"])
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", version)
    server.reset()
    bench = Bench(server)
    order = bench.order(target, **payload)
    wanted = order.payload.root
    assert isinstance(wanted, TooPayload)
    signed_only = cadence_unit(wanted.monitoring_freq) in SIGNED_ONLY_UNITS or wanted.slew_in_place
    if version == "v2" and signed_only:
        with pytest.raises(Invalid):
            bench.facility.prepare(order, bench.link)
        return
    submission = bench.submit(order)
    [too] = server.book.toos
    assert (submission.status, submission.facility_request_id) == (Status.SUBMITTED, str(too.too_id))
    assert too.fields["target_name"] == target["name"].strip()
    assert float(too.fields["ra"]) == target["ra"]


@settings(max_examples=50)
@given(payload=PAYLOADS, target=TARGETS)
def test_both_protocols_say_the_same(payload: JSON, target: JSON) -> None:
    given_payload = SwiftTooPayload.model_validate({"xrt_countrate": 1.0, **payload}).root
    assert isinstance(given_payload, TooPayload)
    place = Target.model_validate(target)
    plain = form.of_v2(place, given_payload, "rubin_too")
    translated, problem = signed.form_of(form.of_v1(place, given_payload, "rubin_too"))
    assert problem is None
    demands.check_form(translated, demands.SIGNED_UNITS)
    if cadence_unit(given_payload.monitoring_freq) not in SIGNED_ONLY_UNITS:
        demands.check_form(plain)
    flags = ("proposal", "tiling", "debug", "quiet", "validate_only", "uvot_just")
    for name in set(plain) - set(flags):
        same = plain[name] == translated[name].replace(" ", "T" if name == "grb_triggertime" else " ")
        assert same or float(plain[name]) == float(translated[name])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# fmt: off
KEYS = st.sampled_from([
    "too_id", "status", "errors", "begin", "end", "settle", "obs_id", "target_id", "segment", "seg", "done",
    "ra", "dec", "timestamp", "date_end", "filename", "url", "path", "quicklook", "jobnumber", "warnings",
])
# fmt: on


@settings(max_examples=100)
@given(st.dictionaries(KEYS, JSON_VALUES, max_size=8))
def test_no_answer_breaks_the_reading(shown: JSON) -> None:
    outcome_of(shown)
    outcome_of({"status": shown})
    for reader in (Entry.read, Window.read, Snapshot.read, File.read):
        reader(shown)
