"""Whatever payload is accepted makes a request that the simulator takes, or refuses for the sky's sake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulators.observation_portal.app import SoarPortal
from tests.integration.soar_bench import SoarBench, fresh_bench, simulator
from tests.soar_orders import FACILITY

JSON = dict[str, Any]
# What no form of a request could help: the target is not up (long enough), the time is used up.
OF_THE_SKY = (
    "the target will not be visible within the time window",
    "the target will only be visible for a maximum of",
    "requires more IPP time than you have available",
    "does not have enough",
)
RED, BLUE = (
    [f"GHTS_R_{mode}" for mode in ("400m1_2x2", "400m2_2x2", "400m1_2x2_slit1p5", "2100_5000A_1x2_slit1p0")],
    [f"GHTS_B_{mode}" for mode in ("400m1_2x2", "400m1_2x2_slit1p5")],
)

# Both together: what is left out here is put in by the bench.
dates: dict[str, st.SearchStrategy[Any]] = {
    "start_date": st.sampled_from(["2026-11-22", "2026-11-20 10:00:00", "2026-11-22T14:00:00+02:00"])
    | st.none(),
    "end_date": st.sampled_from(["2026-11-24", "2026-11-29T06:00:00.5Z"]) | st.none(),
}
common: dict[str, st.SearchStrategy[Any]] = {
    "observation_mode": st.sampled_from(["NORMAL", "TIME_CRITICAL"]),
    "exposure_time": st.floats(0, 2000) | st.integers(0, 2000),
    "exposure_counts": st.integers(1, 20) | st.sampled_from([1.0, 7.0]),
    "maximum_airmass": st.floats(1, 3),
    "minimum_lunar_distance": st.floats(0, 180),
    "priority": st.floats(0.5, 2),
    "max_lunar_phase": st.floats(0, 1) | st.none(),
    "acceptability_threshold": st.floats(0, 100) | st.none(),
    "configuration_repeats": st.integers(1, 5) | st.none(),
    "optimization_type": st.sampled_from(["TIME", "AIRMASS", None]),
    "observation_note": st.text(
        st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=200
    ),
    "rotator_angle": st.floats(0, 360),
}


def modes(camera: str, offered: list[str]) -> st.SearchStrategy[JSON]:
    """Payloads of a camera's spectra."""
    return st.fixed_dictionaries(
        {
            **dates,
            "instrument_type": st.just(camera),
            "instrument_mode": st.none()
            | st.sampled_from(offered)
            | st.lists(st.sampled_from(offered), min_size=1, max_size=4),
        },
        optional={**common, "include_calibrations": st.booleans(), "include_lamp_flats": st.booleans()},
    )


def filters(camera: str, offered: str) -> st.SearchStrategy[JSON]:
    """Payloads of a camera's images."""
    chosen = st.lists(st.sampled_from(offered), min_size=1, unique=True)
    return st.fixed_dictionaries(
        {
            **dates,
            "instrument_type": st.just(camera),
            "observation_choices": chosen.map(lambda bands: [f"{band}-SDSS" for band in bands]),
        },
        optional={**common, "defocus": st.floats(-5, 5)},
    )


fowler = st.sampled_from(["fowler1_coadds1", "fowler1_coadds2", "fowler16_coadds1"])
payloads = st.one_of(
    st.tuples(st.just("ghts"), modes("SOAR_GHTS_REDCAM", RED) | modes("SOAR_GHTS_BLUECAM", BLUE)),
    st.tuples(
        st.just("ghts_imager"),
        filters("SOAR_GHTS_REDCAM_IMAGER", "griz") | filters("SOAR_GHTS_BLUECAM_IMAGER", "ugri"),
    ),
    st.tuples(
        st.just("triplespec"), st.fixed_dictionaries(dates, optional={**common, "instrument_mode": fowler})
    ),
)


@pytest.fixture(scope="module")
def server() -> Iterator[SoarPortal]:
    with simulator() as running:
        yield running


@pytest.fixture
def bench(server: SoarPortal, monkeypatch: pytest.MonkeyPatch) -> SoarBench:
    return fresh_bench(server, monkeypatch)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(payloads)
def test_any_accepted_payload_is_one_the_portal_can_take(bench: SoarBench, chosen: tuple[str, JSON]) -> None:
    wanted = bench.order(*chosen)
    verdict = FACILITY.validate(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    assert verdict.accepted or any(words in verdict.reason for words in OF_THE_SKY), verdict.reason
