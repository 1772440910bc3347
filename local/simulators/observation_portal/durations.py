"""How long a request takes (the card's "Simulator", point 4, with the overheads of the instrument table).

Per instrument_config `count x (exposure + readout + per-exposure overhead)`; per configuration a padding,
or its `repeat_duration`; per pass a slew for each new target, each change of an optical element,
acquisition and change of lamp; times `configuration_repeats`; one front padding for all.
"""

from __future__ import annotations

import math
from typing import Any

from local.simulators.observation_portal.instruments import instrument_of
from local.simulators.observation_portal.tables import Instrument

JSON = dict[str, Any]
SLEW_S = 2.0


def of_instrument_config(instrument: Instrument, config: JSON) -> float:
    """Seconds of one instrument_config."""
    mode = instrument.modes["readout"].find(config["mode"])
    readout = mode.overhead if mode else 0.0
    return float(config["exposure_count"] * (config["exposure_time"] + readout + instrument.per_exposure))


def of_configuration(configuration: JSON) -> float:
    """Seconds of one configuration."""
    repeat = configuration.get("repeat_duration")
    if repeat is not None:
        return float(repeat)
    instrument = instrument_of(configuration)
    exposing = sum(of_instrument_config(instrument, config) for config in configuration["instrument_configs"])
    return exposing + instrument.configuration_padding


def of_request(request: JSON) -> int:
    """Seconds charged for one request."""
    configurations = request["configurations"]
    one_pass = sum(map(of_configuration, configurations)) + _overheads(configurations)
    repeats: int = request["configuration_repeats"]
    return math.ceil(one_pass * repeats + _front_padding(configurations))


def report(request: JSON, largest_interval: float) -> JSON:
    """What `validate` tells of one request."""
    return {
        "duration": of_request(request),
        "configurations": [
            {
                "instrument_configs": [
                    {"duration": of_instrument_config(instrument_of(configuration), config)}
                    for config in configuration["instrument_configs"]
                ],
                "duration": of_configuration(configuration),
            }
            for configuration in request["configurations"]
        ],
        "largest_interval": round(largest_interval, 6),
    }


def _acquisition(configuration: JSON) -> float:
    instrument, config = instrument_of(configuration), configuration["acquisition_config"]
    mode = instrument.modes["acquisition"].find(config["mode"])
    if mode is None or mode.code == "OFF":
        return 0.0
    exposure = config["exposure_time"]
    return mode.overhead + (instrument.acquire_exposure_time if exposure is None else exposure)


def _overheads(configurations: list[JSON]) -> float:
    total = 0.0
    target: JSON | None = None
    kind = ""
    in_place: dict[str, str] = {}
    for configuration in configurations:
        instrument = instrument_of(configuration)
        if configuration["target"] != target:
            total += SLEW_S
        if configuration["type"] != kind:
            listed = instrument.type_of(configuration["type"])
            total += listed.change_overhead if listed else 0.0
        total += _acquisition(configuration)
        for config in configuration["instrument_configs"]:
            for group in instrument.elements:
                wanted = config["optical_elements"].get(group.name)
                if wanted != in_place.get(group.name):
                    total += group.change_overhead
            in_place |= config["optical_elements"]
        target, kind = configuration["target"], configuration["type"]
    return total


def _front_padding(configurations: list[JSON]) -> float:
    # With two instruments in one request the real portal's figure lies between the two paddings, nearer to
    # the one in longer use; the mean weighted by use reproduces it.
    uses = [(instrument_of(c), of_configuration(c) + _acquisition(c)) for c in configurations]
    if len({instrument.front_padding for instrument, _ in uses}) == 1:
        return uses[0][0].front_padding
    total = sum(use for _, use in uses)
    return sum(instrument.front_padding * use for instrument, use in uses) / total
