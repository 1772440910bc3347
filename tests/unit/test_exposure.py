"""The open-shutter time that payloads ask for, by which allocations may be limited."""

from __future__ import annotations

from typing import Any

import pytest

from gemini.facility import Gemini
from generic.facility import Generic
from lco.facility import LCO
from lt.facility import Lt
from mma.facility import Mma
from nicer.facility import Nicer
from sedm import brightness
from sedm.facility import Sedm
from slack.facility import Slack
from slew.facility import Facility
from slew.validation import parse
from soar.facility import SOAR
from winter.facility import Winter

IMAGING: dict[str, Any] = {
    "observation_choices": ["sdssg", "sdssr"],
    "exposure_time": 30.5,
    "exposure_counts": 3,
}
REST: dict[str, Any] = {
    "maximum_airmass": 2,
    "minimum_lunar_distance": 30,
    "priority": 1,
    "start_date": "2036-12-01",
    "end_date": "2036-12-08",
}
NICER: dict[str, Any] = {
    "JustificationToO": "new",
    "JustificationExposure": "enough",
    "ExpectedCountRate": 1,
    "ObservationTime": 2.5,
}
GEMINI: dict[str, Any] = {
    "template_ids": "21,22",
    "start_date": "2036-12-01 00:00:00",
    "end_date": "2036-12-02 00:00:00",
    "l_elmin": 1.0,
    "l_elmax": 1.6,
}
PLAN = {"queue_name": "n", "start_date": "2036-12-01 00:00:00", "end_date": "2036-12-02 00:00:00"}
FIELD = {
    "field_id": 1,
    "ra": 1.0,
    "dec": 2.0,
    "filter": "sdssr",
    "exposure_time": 30,
    "program_pi": "observer1",
}
TWO, DITHER = {"exposure_time": 100, "exposure_counts": 2}, [{"ra": 0, "dec": 0}, {"ra": 1, "dec": 1}]
CASES: list[tuple[Facility, str | None, dict[str, Any], float]] = [
    (LCO(), "sinistro", {**TWO, "observation_choices": ["gp", "rp", "ip"]}, 600),
    (LCO(), "sinistro", {**TWO, "observation_choices": ["gp"], "dither_offsets": DITHER}, 400),
    (LCO(), "muscat", {**TWO, "exposure_time_i": 150, "configuration_repeats": 2}, 600),
    (LCO(), "muscat", {"exposure_time_g": 5}, 300),
    (LCO(), "floyds", {**TWO, "configuration_repeats": 3}, 600),
    (SOAR(), "ghts_imager", {**TWO, "observation_choices": ["g-SDSS", "r-SDSS"]}, 400),
    (SOAR(), "ghts", {**TWO, "include_calibrations": True, "include_lamp_flats": True}, 200),
    (SOAR(), "triplespec", TWO, 200),
    (Lt(), "ioo", {**TWO, "observation_choices": ["g", "u"], "exposure_time_by_filter": {"u": 600}}, 1400),
    (Winter(), "winter", {"filters": ["J", "Hs"], "n_repetitions": 2}, 2 * (120 * 8 + 60 * 15)),
    (Winter(), "spring", {"filter": "J", "exposure_time": 10}, 300),
    (Sedm(), None, {}, 2250),
    (Sedm(), "sedm", {"observation_type": "4-shot+IFU"}, 300 + 3 * 180 + 2250),
    (Sedm(), "sedm", {"observation_type": "3-shot (gri)", "exposure_time": 60.5}, 181.5),
    (Sedm(), "sedm", {"observation_type": "IFU", "exposure_time": 0}, 2250),
    (Sedm(), "sedm", {"observation_type": "Mix 'n Match", "observation_choices": ["u", "IFU"]}, 2550),
    (Sedm(), "sedmv2", {"exposure_time": 450, "observation_type": "variable"}, 450),
    (Slack(), None, IMAGING, 183),
    (Generic(), None, {**IMAGING, **REST}, 183),
    (Nicer(), None, NICER, 2500),
    (Gemini(), "north", {**GEMINI, "l_exptime": 300}, 600),
    (Mma(), None, {**PLAN, "targets": [{**FIELD, "request_id": 1}, {**FIELD, "request_id": 2}]}, 60),
]


@pytest.mark.parametrize(("facility", "instrument", "payload", "expected"), CASES)
def test_what_a_payload_asks_for(
    facility: Facility, instrument: str | None, payload: dict[str, Any], expected: float
) -> None:
    assert facility.can("exposure_s")
    parsed = parse(facility.payloads[instrument], payload, ["payload"])
    assert facility.exposure_s(parsed) == pytest.approx(expected)


def test_no_brightness_gets_more_of_sedm_than_is_counted() -> None:
    for mag in (None, 5, 14.9, 15, 17, 18, 18.1, 25):
        times = brightness.exposure_times(brightness.ASSUMED_MAG if mag is None else mag)
        for name in ("IFU", "u", "g", "r", "i"):
            assert times.of(name) <= brightness.LONGEST.of(name)
