"""The instrument types as data: modes, elements, configuration types, overheads, schemas.

Codes and limits are the card's ("Instruments as the portal lists them now"); overheads in seconds are
working figures of the listing that the real portal is run with in the contract tests, not LCO's.
`listing()` renders what `GET /api/instruments/` answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Mode:
    """One mode; `schema` holds for the `extra_params` beside it."""

    code: str
    overhead: float = 0.0
    schema: JSON = field(default_factory=dict)
    filled_in: bool = False  # the schema's defaults are put into an instrument_config without extra_params

    def render(self) -> JSON:
        """As listed."""
        schema: JSON = {}
        if self.schema:
            schema = {"extra_params": {"type": "dict", "schema": self.schema}}
        if self.filled_in:
            schema["extra_params"] |= {"default": {}, "required": True}
        return {
            "name": self.code,
            "code": self.code,
            "overhead": self.overhead,
            "schedulable": True,
            "validation_schema": schema,
        }


@dataclass(frozen=True)
class Modes:
    """The modes of one kind (`readout`, `acquisition`, ...) with the default's code, if there is one."""

    default: str | None
    modes: tuple[Mode, ...]

    def find(self, code: str) -> Mode | None:
        """By code, whatever the case."""
        return next((mode for mode in self.modes if mode.code.lower() == code.lower()), None)

    def offering(self, codes: Sequence[str]) -> Modes:
        """The same kind with these modes, new ones like the first it has."""
        modes = tuple(self.find(code) or replace(self.modes[0], code=code) for code in codes)
        return Modes(self.default if self.default in codes else None, modes)


@dataclass(frozen=True)
class ConfigurationType:
    """What a configuration may be on an instrument."""

    code: str
    name: str
    change_overhead: float = 0.0
    needs_elements: bool = True
    acquisition_off: bool = False
    schedulable: bool = True

    def render(self) -> JSON:
        """As listed."""
        return {
            "name": self.name,
            "code": self.code,
            "config_change_overhead": self.change_overhead,
            "requires_optical_elements": self.needs_elements,
            "force_acquisition_off": self.acquisition_off,
            "schedulable": self.schedulable,
            "validation_schema": {},
        }


@dataclass(frozen=True)
class Elements:
    """One wheel or slide."""

    name: str
    codes: tuple[str, ...]
    change_overhead: float = 0.0
    default: str = ""

    def find(self, code: str) -> str | None:
        """The listed spelling of a code."""
        return next((known for known in self.codes if known.lower() == code.lower()), None)


@dataclass(frozen=True)
class Camera:
    """Pixels and their scale in arcsec."""

    pixels_x: int
    pixels_y: int
    scale: float

    def render(self) -> JSON:
        """As listed; fields of view are the diagonals in arcmin."""
        diagonal = (self.pixels_x**2 + self.pixels_y**2) ** 0.5
        return {
            "science_field_of_view": diagonal * self.scale / 60,
            "autoguider_field_of_view": (2 * 1024**2) ** 0.5 * 0.34 / 60,
            "pixel_scale": self.scale,
            "pixels_x": self.pixels_x,
            "pixels_y": self.pixels_y,
            "orientation": 0.0,
        }


@dataclass(frozen=True)
class Instrument:
    """One instrument type."""

    code: str
    name: str
    category: str  # IMAGE or SPECTRA
    telescope_class: str
    types: tuple[ConfigurationType, ...]
    modes: dict[str, Modes]
    elements: tuple[Elements, ...]
    camera: Camera
    front_padding: float
    default_threshold: float
    per_exposure: float = 1.0
    configuration_padding: float = 16.0
    acquire_exposure_time: float = 0.0
    defocus: float | None = 5.0
    schema: JSON = field(default_factory=dict)  # of a configuration's extra_params
    config_schema: JSON = field(default_factory=dict)  # of an instrument_config's, beside the defocus

    @property
    def instrument_config_schema(self) -> JSON:
        """What holds for an instrument_config's extra_params whatever its modes."""
        if self.defocus is None:
            return self.config_schema
        return {"defocus": {"type": "float", "min": -self.defocus, "max": self.defocus}} | self.config_schema

    def offering(self, codes: Mapping[str, Sequence[str]]) -> Instrument:
        """The same instrument with other modes and elements, by kind (`readout`, ...) or name (`filter`)."""
        return replace(
            self,
            modes={
                kind: of.offering(codes.get(kind, [m.code for m in of.modes]))
                for kind, of in self.modes.items()
            },
            elements=tuple(
                replace(each, codes=tuple(codes.get(each.name, each.codes))) for each in self.elements
            ),
        )

    def type_of(self, code: str) -> ConfigurationType | None:
        """A configuration type by its code."""
        return next((kind for kind in self.types if kind.code == code), None)

    def render(self) -> JSON:
        """As listed."""
        schema: JSON = {}
        if self.schema:
            schema["extra_params"] = {"type": "dict", "schema": self.schema}
        if self.instrument_config_schema:
            inner = {"extra_params": {"type": "dict", "schema": self.instrument_config_schema}}
            schema["instrument_configs"] = {"type": "list", "schema": {"type": "dict", "schema": inner}}
        return {
            "type": self.category,
            "class": self.telescope_class,
            "name": self.name,
            "optical_elements": {group.name + "s": _render_elements(group) for group in self.elements},
            "modes": {kind: _render_modes(kind, modes) for kind, modes in self.modes.items()},
            "validation_schema": schema,
            "default_acceptability_threshold": self.default_threshold,
            "configuration_types": {kind.code: kind.render() for kind in self.types},
            "default_configuration_type": "EXPOSE" if self.category == "IMAGE" else "SPECTRUM",
            "camera_type": self.camera.render(),
        }


def _render_elements(group: Elements) -> list[JSON]:
    return [
        {"name": code, "code": code, "schedulable": True, "default": code == group.default}
        for code in group.codes
    ]


def _render_modes(kind: str, modes: Modes) -> JSON:
    rendered: JSON = {"type": kind, "modes": [mode.render() for mode in modes.modes]}
    return rendered | ({"default": modes.default} if modes.default else {})
