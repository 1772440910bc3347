"""Refused for what a configuration says: instrument, modes, elements, exposures, target, constraints."""

from __future__ import annotations

from tests.contract.answers import (
    REQUIRED,
    SINISTRO,
    Listing,
    at_least,
    at_most,
    constraint,
    exposure,
    in_every,
    in_one,
    in_request,
    no_instrument,
    target,
    unavailable,
    whole,
)
from tests.contract.refusal import Refusal
from tests.contract.spoiling import (
    ALL_CONSTRAINTS,
    ALL_TARGETS,
    FIRST,
    FIRST_EXPOSURE,
    REQUEST_PATH,
    drop,
    put,
    together,
)

CONSTRAINTS = (
    Refusal(
        "max_airmass 0.5",
        put(f"{ALL_CONSTRAINTS}.max_airmass", 0.5),
        constraint("max_airmass", at_least("1.0")),
    ),
    Refusal(
        "max_airmass 30",
        put(f"{ALL_CONSTRAINTS}.max_airmass", 30),
        constraint("max_airmass", at_most("25.0")),
    ),
    Refusal(
        "max_airmass 'low'",
        put(f"{ALL_CONSTRAINTS}.max_airmass", "low"),
        constraint("max_airmass", ["A valid number is required."]),
    ),
    Refusal(
        "min_lunar_distance 200",
        put(f"{ALL_CONSTRAINTS}.min_lunar_distance", 200),
        constraint("min_lunar_distance", at_most("180.0")),
    ),
)

TARGETS = (
    Refusal("ra 400", put(f"{ALL_TARGETS}.ra", 400), target("ra", at_most("360.0"))),
    Refusal("dec -95", put(f"{ALL_TARGETS}.dec", -95), target("dec", at_least("-90.0"))),
    Refusal("ra null", put(f"{ALL_TARGETS}.ra", None), target("ra", ["This field is required"])),
    Refusal("target type absent", drop(f"{ALL_TARGETS}.type"), target("type", REQUIRED)),
    Refusal(
        "target name of 60 characters",
        put(f"{ALL_TARGETS}.name", "Z" * 60),
        target("name", ["Ensure this field has no more than 50 characters."]),
    ),
    Refusal(
        "ra as sexagesimal text",
        put(f"{ALL_TARGETS}.ra", "03:49:57.8"),
        target("ra", ["A valid number is required."]),
    ),
)

INSTRUMENTS = (
    Refusal(
        "unknown instrument",
        put(f"{REQUEST_PATH}.configurations.*.instrument_type", "9M9-SCICAM-NONE"),
        in_every(no_instrument("9M9-SCICAM-NONE")),
    ),
    Refusal(
        "retired instrument (SPECTRAL)",
        together(
            put(f"{REQUEST_PATH}.configurations.*.instrument_type", "2M0-SCICAM-SPECTRAL"),
            put(f"{REQUEST_PATH}.location.telescope_class", "2m0"),
        ),
        in_every(no_instrument("2M0-SCICAM-SPECTRAL")),
    ),
    Refusal(
        "wrong telescope class for the instrument",
        put(f"{REQUEST_PATH}.location.telescope_class", "2m0"),
        in_request(
            whole(
                Listing(
                    f"Invalid instrument type '{SINISTRO}' at site=Any, enc=Any, tel=Any. \n"
                    "Valid instruments include: ",
                    frozenset({"2M0-FLOYDS-SCICAM", "2M0-SCICAM-MUSCAT"}),
                    ", .",
                )
            )
        ),
    ),
    Refusal(
        "unknown telescope class",
        put(f"{REQUEST_PATH}.location.telescope_class", "8m0"),
        in_request({"location": {"telescope_class": ['"8m0" is not a valid choice.']}}),
    ),
)

CONFIGURATION = (
    Refusal(
        "no configurations",
        put(f"{REQUEST_PATH}.configurations", []),
        in_request({"configurations": ["You must specify at least 1 configuration"]}),
    ),
    Refusal(
        "guiding_config absent",
        drop(f"{REQUEST_PATH}.configurations.*.guiding_config"),
        in_every({"guiding_config": REQUIRED}),
    ),
    Refusal(
        "configuration type the instrument has not (SPECTRUM on SINISTRO)",
        put(f"{FIRST}.type", "SPECTRUM"),
        in_one(whole(f"configuration type SPECTRUM is not valid for instrument type {SINISTRO}")),
    ),
    Refusal(
        "configuration type not schedulable (BIAS)",
        put(f"{FIRST}.type", "BIAS"),
        in_one(whole(f"configuration type BIAS is not schedulable for instrument type {SINISTRO}")),
    ),
    Refusal(
        "unknown guiding mode",
        put(f"{FIRST}.guiding_config", {"mode": "MAYBE"}),
        in_one(unavailable("Guiding", "MAYBE")),
    ),
    Refusal(
        "two faults in one configuration: unknown guiding mode and unknown filter (hidden)",
        together(
            put(f"{FIRST}.guiding_config", {"mode": "MAYBE"}),
            put(f"{FIRST_EXPOSURE}.optical_elements", {"filter": "purple"}),
        ),
        in_one(unavailable("Guiding", "MAYBE")),
    ),
    Refusal(
        "unknown acquisition mode (FLOYDS spectrum)",
        put(f"{REQUEST_PATH}.configurations.2.acquisition_config", {"mode": "LUCKY"}),
        in_one(unavailable("Acquisition", "LUCKY", "2M0-FLOYDS-SCICAM"), index=2, of=5),
        "floyds",
    ),
)

EXPOSURES = (
    Refusal(
        "unknown filter",
        put(f"{FIRST_EXPOSURE}.optical_elements.filter", "purple"),
        in_one(whole("optical element purple of type filter is not available")),
    ),
    Refusal(
        "no filter",
        put(f"{FIRST_EXPOSURE}.optical_elements", {}),
        in_one(whole(f"Must set optical element of type filter for instrument type {SINISTRO}")),
    ),
    Refusal(
        "unknown kind of optical element",
        put(f"{FIRST_EXPOSURE}.optical_elements", {"filter": "gp", "grism": "g1"}),
        in_one(whole(f"optical_element of type grism is not available on {SINISTRO} instruments")),
    ),
    Refusal(
        "unknown slit (FLOYDS)",
        put(f"{FIRST_EXPOSURE}.optical_elements.slit", "slit_9as"),
        in_one(whole("optical element slit_9as of type slit is not available"), of=5),
        "floyds",
    ),
    Refusal(
        "MUSCAT with the diffusers of old",
        put(f"{FIRST_EXPOSURE}.optical_elements", {"diffuser_g_position": "out"}),
        in_one(
            whole(
                "optical_element of type diffuser_g_position is not available on 2M0-SCICAM-MUSCAT "
                "instruments"
            ),
            of=1,
        ),
        "muscat",
    ),
    Refusal(
        "unknown readout mode",
        put(f"{FIRST_EXPOSURE}.mode", "turbo"),
        in_one(unavailable("Readout", "turbo")),
    ),
    Refusal(
        "SOAR spectrum without a mode",
        drop(f"{FIRST_EXPOSURE}.mode"),
        in_one(
            whole(
                "Must set a readout mode, choose from GHTS_R_2100_5000A_1x2_slit1p0, GHTS_R_400m1_2x2, "
                "GHTS_R_400m2_2x2, GHTS_R_400m1_2x2_slit1p5"
            ),
            of=1,
        ),
        "soar",
    ),
    Refusal(
        "MUSCAT without exposure_time_z",
        drop(f"{FIRST_EXPOSURE}.extra_params.exposure_time_z"),
        in_one(
            whole(
                "Exposure mode SYNCHRONOUS requirements are not met: "
                "extra_params{exposure_time_z error: required field}"
            ),
            of=1,
        ),
        "muscat",
    ),
    Refusal(
        "defocus out of range",
        put(f"{FIRST_EXPOSURE}.extra_params", {"defocus": 9.0}),
        exposure("extra_params", {"defocus": ["max value is 5.0"]}),
    ),
    Refusal(
        "unknown rotator mode (FLOYDS)",
        put(f"{FIRST_EXPOSURE}.rotator_mode", "SPIN"),
        in_one(unavailable("Rotator", "SPIN", "2M0-FLOYDS-SCICAM"), of=5),
        "floyds",
    ),
    Refusal(
        "exposure time negative",
        put(f"{FIRST_EXPOSURE}.exposure_time", -1),
        exposure("exposure_time", at_least("0.0")),
    ),
    Refusal(
        "exposure time null",
        put(f"{FIRST_EXPOSURE}.exposure_time", None),
        exposure("exposure_time", ["This field may not be null."]),
    ),
    Refusal(
        "exposure count 0",
        put(f"{FIRST_EXPOSURE}.exposure_count", 0),
        exposure("exposure_count", at_least("1")),
    ),
    Refusal(
        "exposure count 1.5",
        put(f"{FIRST_EXPOSURE}.exposure_count", 1.5),
        exposure("exposure_count", ["A valid integer is required."]),
    ),
)

CONFIGURATIONS = (*CONSTRAINTS, *TARGETS, *INSTRUMENTS, *CONFIGURATION, *EXPOSURES)
