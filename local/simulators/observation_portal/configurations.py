"""One configuration: its fields, and then what its instrument allows.

The instrument's checks come in the portal's order and only the first fault is told: guiding, type,
acquisition, schema, readout, rotator, optical elements, regions, exposure mode, repeat, script.
"""

from __future__ import annotations

from typing import Any

from local.simulators.observation_portal import durations, schemas
from local.simulators.observation_portal.fields import (
    Crash,
    Field,
    Invalid,
    anything,
    boolean,
    choice,
    integer,
    items,
    mapping,
    number,
    read,
    refuse,
    text,
)
from local.simulators.observation_portal.instruments import CONFIGURATION_TYPES
from local.simulators.observation_portal.tables import Instrument, Mode

JSON = dict[str, Any]
NAME = text(50, "Please provide a name.")

TARGET = {
    "name": Field(NAME, required=True),
    "type": Field(choice(("ICRS", "ORBITAL_ELEMENTS", "HOUR_ANGLE", "SATELLITE")), required=True),
    "ra": Field(number(0.0, 360.0), null=True),
    "dec": Field(number(-90.0, 90.0), null=True),
    "proper_motion_ra": Field(number(None, 20000), null=True, default=0.0),
    "proper_motion_dec": Field(number(None, 20000), null=True, default=0.0),
    "parallax": Field(number(None, 2000), null=True, default=0.0),
    "epoch": Field(number(None, 2100), null=True, default=2000.0),
    "hour_angle": Field(number(), null=True),
    "extra_params": Field(mapping, default=dict),
}
NEEDED = {
    "ICRS": ("ra", "dec"),
    "HOUR_ANGLE": ("hour_angle", "dec"),
    "ORBITAL_ELEMENTS": ("epochofel", "orbinc", "longascnode", "eccentricity", "scheme"),
    "SATELLITE": (
        "altitude",
        "azimuth",
        "diff_altitude_rate",
        "diff_azimuth_rate",
        "diff_epoch",
        "diff_altitude_acceleration",
        "diff_azimuth_acceleration",
    ),
}
CONSTRAINTS = {
    "max_airmass": Field(number(1.0, 25.0), default=1.6),
    "min_lunar_distance": Field(number(0.0, 180.0), default=30.0),
    "max_lunar_phase": Field(number(0.0, 1.0), default=1.0),
    "max_seeing": Field(number(0.0), null=True, default=None),
    "min_transparency": Field(number(), null=True, default=None),
    "extra_params": Field(anything, default=dict),
}
ACQUISITION = {
    "mode": Field(text(50), default=""),
    "exposure_time": Field(number(0.0, 60.0), null=True, default=None),
    "extra_params": Field(mapping, default=dict),
}
GUIDING = {
    "optional": Field(boolean, default=True),
    "mode": Field(text(50, None), default=""),
    "optical_elements": Field(anything, default=dict),
    "exposure_time": Field(number(0.0, 120.0), null=True, default=None),
    "extra_params": Field(mapping, default=dict),
}
INSTRUMENT_CONFIG = {
    "optical_elements": Field(mapping, default=dict),
    "mode": Field(text(50, None), default=""),
    "exposure_time": Field(number(0.0), required=True),
    "exposure_count": Field(integer(1), required=True),
    "rotator_mode": Field(text(50, None), default=""),
    "extra_params": Field(mapping, default=dict),
    "rois": Field(anything, default=list),
}


def configuration(body: Any, listed: dict[str, Instrument]) -> JSON:
    """A cleaned configuration with every default in place; `listed` are the instruments known now."""
    fields = {
        "constraints": Field(lambda value: read(value, CONSTRAINTS), required=True),
        "instrument_configs": Field(
            items(
                lambda value: read(value, INSTRUMENT_CONFIG),
                "A configuration must have at least one instrument configuration",
            ),
            required=True,
        ),
        "acquisition_config": Field(lambda value: read(value, ACQUISITION), required=True),
        "guiding_config": Field(lambda value: read(value, GUIDING), required=True),
        "target": Field(_target, required=True),
        "instrument_type": Field(lambda value: _instrument_type(value, listed), required=True),
        "type": Field(choice(CONFIGURATION_TYPES), required=True),
        "repeat_duration": Field(number(0.0), null=True, default=None),
        "extra_params": Field(mapping, default=dict),
    }
    cleaned = read(body, fields)
    code = cleaned["instrument_type"].lower()
    _allowed_by_instrument(cleaned, next(row for known, row in listed.items() if known.lower() == code))
    return cleaned


def _instrument_type(value: Any, listed: dict[str, Instrument]) -> str:
    code: str = text(50)(value)
    if code.lower() not in {known.lower() for known in listed}:
        offered = ", ".join(sorted(listed))
        raise Invalid([f"Invalid instrument type {code}. Valid instruments may include: {offered}"])
    return code


def _target(body: Any) -> JSON:
    cleaned = read(body, TARGET)
    missing = [key for key in NEEDED[cleaned["type"]] if cleaned.get(key, body.get(key)) is None]
    if missing:
        raise Invalid({key: ["This field is required"] for key in missing})
    if cleaned["type"] != "ICRS":
        raise Crash  # nothing here knows where a moving target stands
    for key, field in TARGET.items():
        if key in cleaned and cleaned[key] is None and isinstance(field.default, float):
            cleaned[key] = field.default
    return cleaned


def _allowed_by_instrument(body: JSON, instrument: Instrument) -> None:
    guiding = body["guiding_config"]
    guiding["mode"] = _mode(instrument, "guiding", guiding["mode"], guiding["extra_params"])
    kind = instrument.type_of(body["type"])
    if kind is None:
        raise refuse(f"configuration type {body['type']} is not valid for instrument type {instrument.code}")
    if not kind.schedulable:
        raise refuse(
            f"configuration type {body['type']} is not schedulable for instrument type {instrument.code}"
        )
    acquisition = body["acquisition_config"]
    if kind.acquisition_off:
        acquisition["mode"] = "OFF"
    else:
        acquisition["mode"] = _mode(
            instrument, "acquisition", acquisition["mode"], acquisition["extra_params"]
        )
    _schema(body, instrument)
    configs = body["instrument_configs"]
    for config in configs:
        config["mode"] = _mode(instrument, "readout", config["mode"], config["extra_params"])
        config["rotator_mode"] = _mode(instrument, "rotator", config["rotator_mode"], config["extra_params"])
        _elements(config, instrument, required=kind.needs_elements)
        if config.pop("rois"):
            raise refuse(f"Instrument type {instrument.code} supports up to 0 regions of interest")
        _exposure_mode(config, instrument)
    _repeat(body, instrument)
    if body["type"] == "SCRIPT" and not body["extra_params"].get("script_name"):
        raise refuse("Must specify a script_name in extra_params for SCRIPT configuration type")
    offsets = (config["extra_params"].get(f"offset_{axis}") for config in configs for axis in ("ra", "dec"))
    if any(offsets):
        body["extra_params"].setdefault("dither_pattern", "custom")


def _schema(body: JSON, instrument: Instrument) -> None:
    faults: JSON = {}
    body["extra_params"], wrong = schemas.check(instrument.schema, body["extra_params"])
    if wrong:
        faults["extra_params"] = wrong
    of_configs: list[JSON] = []
    for config in body["instrument_configs"]:
        config["extra_params"], wrong = schemas.check(
            instrument.instrument_config_schema, config["extra_params"]
        )
        of_configs.append({"extra_params": wrong} if wrong else {})
    if any(of_configs):
        faults["instrument_configs"] = of_configs
    if faults:
        raise Invalid(faults)


def _mode(instrument: Instrument, kind: str, given: str, extra_params: JSON) -> str:
    """The mode to use; fills `extra_params` with the mode's defaults."""
    modes = instrument.modes.get(kind)
    if modes is None:
        return given
    code = given or modes.default
    if code is None:
        offered = ", ".join(mode.code for mode in modes.modes)
        raise refuse(f"Must set a {kind} mode, choose from {offered}")
    mode = modes.find(code)
    if mode is None:
        raise refuse(f"{kind.title()} mode {code} is not available for instrument type {instrument.code}")
    _meet(mode, kind, extra_params)
    return code


def _meet(mode: Mode, kind: str, extra_params: JSON) -> None:
    if not (extra_params or mode.filled_in or kind == "exposure"):
        return  # the portal looks at a mode's needs only if there are extra_params at all
    cleaned, faults = schemas.check(mode.schema, extra_params)
    if faults:
        raise refuse(f"{kind.title()} mode {mode.code} requirements are not met: {schemas.told(faults)}")
    extra_params.update(cleaned)


def _elements(config: JSON, instrument: Instrument, *, required: bool) -> None:
    groups = {group.name: group for group in instrument.elements}
    chosen = config["optical_elements"]
    for name, code in chosen.items():
        if name not in groups:
            raise refuse(f"optical_element of type {name} is not available on {instrument.code} instruments")
        if not isinstance(code, str):
            raise Crash
        listed = groups[name].find(code)
        if listed is None:
            raise refuse(f"optical element {code} of type {name} is not available")
        chosen[name] = listed
    missing = [name for name in groups if name not in chosen]
    if missing and required:
        raise refuse(f"Must set optical element of type {missing[0]} for instrument type {instrument.code}")


def _exposure_mode(config: JSON, instrument: Instrument) -> None:
    modes = instrument.modes.get("exposure")
    if modes is None:
        return
    extra_params = config["extra_params"]
    extra_params.setdefault("exposure_mode", modes.default)
    _mode(instrument, "exposure", str(extra_params["exposure_mode"]), extra_params)


def _repeat(body: JSON, instrument: Instrument) -> None:
    repeat = body.pop("repeat_duration")
    if not body["type"].startswith("REPEAT_"):
        if repeat is not None:
            raise refuse("You may only specify a repeat_duration for REPEAT_* type configurations.")
        return
    if repeat is None:
        raise refuse(f"Must specify a configuration repeat_duration for {body['type']} type configurations.")
    once = sum(durations.of_instrument_config(instrument, config) for config in body["instrument_configs"])
    if repeat < once:
        raise refuse(
            f"Configuration repeat_duration of {repeat} is less than the minimum of {once} "
            "required to repeat at least once"
        )
    body["repeat_duration"] = repeat
