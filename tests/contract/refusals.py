"""What the portal refuses, as data: how to spoil an acceptable body, and the status and JSON it gets for it.

Recorded from the real portal (``test_refusals`` posts every entry to it again), for whoever stands in its
place or passes its word on. ``REFUSALS`` are made by the body or the credentials and the same for submit and
validate; ``ACCEPTANCES`` look wrong and are accepted; ``WIRE_REFUSALS`` are made by the HTTP call itself.

A ``spoil`` changes a body of ``base`` in place (see ``bodies``: sinistro has two configurations, muscat one,
floyds five with the spectrum third, soar one). Texts that hold a date, a figure or an unordered list are
``Like`` or ``Listing``, which compare equal to what they allow: ``assert answer.json() == refusal.error``.
"""

from __future__ import annotations

from datetime import timedelta

from tests.contract.answers import whole
from tests.contract.refusal import Acceptance, WireRefusal
from tests.contract.refused_configurations import CONFIGURATIONS
from tests.contract.refused_groups import GROUPS
from tests.contract.spoiling import (
    ALL_CONSTRAINTS,
    ALL_TARGETS,
    FIRST,
    FIRST_EXPOSURE,
    REQUEST_PATH,
    day,
    put,
    together,
    window,
)

REFUSALS = GROUPS + CONFIGURATIONS

ACCEPTANCES = (
    Acceptance(
        "window started in the past, ends in the future",
        window(lambda s: day(s, -2), lambda s: day(s, 7)),
    ),
    Acceptance("filter in the wrong case (GP)", put(f"{FIRST_EXPOSURE}.optical_elements.filter", "GP")),
    Acceptance(
        "BRIGHTEST without acquire_radius (FLOYDS)",
        put(f"{REQUEST_PATH}.configurations.2.acquisition_config", {"mode": "BRIGHTEST"}),
        "floyds",
    ),
    Acceptance(
        "unknown fields at every level are ignored",
        together(
            put("colour", "red"),
            put(f"{REQUEST_PATH}.expire", 1),
            put(f"{FIRST}.repeats", 2),
            put(f"{FIRST_EXPOSURE}.expsoure_time", 1.0),
            put(f"{FIRST_EXPOSURE}.bin_x", 2),
            put(f"{ALL_TARGETS}.magnitude", 18.0),
            put(f"{ALL_CONSTRAINTS}.max_lunar_distance", 10),
        ),
    ),
    Acceptance("ra as decimal text", put(f"{ALL_TARGETS}.ra", lambda scene: str(scene.ra))),
    Acceptance("exposure count 2.0", put(f"{FIRST_EXPOSURE}.exposure_count", 2.0)),
    Acceptance("exposure time 0", put(f"{FIRST_EXPOSURE}.exposure_time", 0)),
    Acceptance("ipp_value 0.5", put("ipp_value", 0.5)),
    Acceptance("ipp_value 2", put("ipp_value", 2.0)),
    Acceptance("TIME_CRITICAL", put("observation_type", "TIME_CRITICAL")),
    Acceptance(
        "RAPID_RESPONSE, window from an hour ago, of 23 hours",
        together(
            put("observation_type", "RAPID_RESPONSE"),
            window(lambda s: s.now - timedelta(hours=1), lambda s: s.now + timedelta(hours=22)),
        ),
    ),
)

WIRE_REFUSALS = (
    WireRefusal(
        "NaN in the JSON",
        400,
        {"detail": "JSON parse error - Out of range float values are not JSON compliant: 'NaN'"},
        b'{"ipp_value": NaN}',
    ),
    WireRefusal(
        "not JSON",
        400,
        {
            "detail": "JSON parse error - Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)"
        },
        b"{not JSON}",
    ),
    WireRefusal(
        "a list",
        400,
        whole("Invalid data. Expected a dictionary, but got list."),
        b"[]",
    ),
    WireRefusal(
        "text/plain",
        415,
        {"detail": 'Unsupported media type "text/plain" in request.'},
        content_type="text/plain",
    ),
    WireRefusal(
        "no trailing slash: 301, which clients follow as a GET", 301, None, path="/api/requestgroups"
    ),
    WireRefusal("PUT", 405, {"detail": 'Method "PUT" not allowed.'}, method="PUT"),
)
