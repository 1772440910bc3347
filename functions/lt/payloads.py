"""Observing parameters of each instrument (card, Per instrument and RTML device table)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic.config import JsonDict
from pydantic_core.core_schema import ValidationInfo

from lt import instruments
from lt.instruments import Setup, rtml_filter
from lt.models import LtPayload
from slew.facility import Payload
from slew.models import Number

Sdss = Literal["u", "g", "r", "i", "z"]
# fmt: off
IOOFilter = Literal[
    "u", "g", "r", "i", "z", "B", "V", "CN",
    "Halpha6566", "Halpha6634", "Halpha6705", "Halpha6755", "Halpha6822",
]
# fmt: on
LiricFilter = Literal["H", "FELH1500", "J", "R"]
MoptopFilter = Literal["B", "V", "R", "I", "L"]
Arm = Literal["low", "high"]
Binning = Literal["1x1", "2x2"]

MOST_EXPOSURES = 86400


def _spelt(kind: Any) -> BeforeValidator:
    """Takes any case for the facility's own spelling, where only one filter can be meant."""
    known = {name.lower(): name for name in get_args(kind)}
    return BeforeValidator(lambda value: known.get(value.lower(), value) if isinstance(value, str) else value)


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must have at least 1 item")
    if len(set(names)) != len(names):
        raise ValueError("must not name a filter twice")
    return names


_ONCE = AfterValidator(_each_once)
_LIST: JsonDict = {"minItems": 1, "uniqueItems": True}
_TITLE, _ABOUT = "Filters", "One Schedule a filter, in this order"
Seconds = Annotated[Number, Field(ge=1, le=MOST_EXPOSURES)]
Count = Annotated[int, Field(strict=True, ge=1, le=MOST_EXPOSURES)]


class PerFilter(LtPayload):
    """A camera's exposures, which may differ from filter to filter."""

    exposure_time_by_filter: Mapping[str, Seconds] | None = Field(
        None,
        title="Exposure time by filter",
        description="Of one exposure, s, for filters that differ from `exposure_time`",
        examples=[{"u": 600.0}],
        json_schema_extra={"unit": "s"},
    )
    exposure_counts_by_filter: Mapping[str, Count] | None = Field(
        None,
        title="Exposures by filter",
        description="Number of exposures, for filters that differ from `exposure_counts`",
        examples=[{"u": 3}],
    )

    @field_validator("exposure_time_by_filter", "exposure_counts_by_filter")
    @classmethod
    def _of_chosen(
        cls, given: Mapping[str, float] | None, info: ValidationInfo
    ) -> Mapping[str, float] | None:
        chosen = info.data.get("observation_choices")
        strange = sorted(set(given or ()) - set(chosen)) if chosen is not None else []
        if strange:
            raise ValueError(f"{', '.join(strange)}: not among observation_choices")
        return given

    def _filters(self, make: Callable[[str, float, int], Setup]) -> tuple[Setup, ...]:
        times, counts = self.exposure_time_by_filter or {}, self.exposure_counts_by_filter or {}
        names: tuple[str, ...] = self.observation_choices  # type: ignore[attr-defined]
        return tuple(
            make(name, times.get(name, self.exposure_time), counts.get(name, self.exposure_counts))
            for name in names
        )


def _binned(binning: str) -> int:
    return int(binning[0])


# `observation_choices` is checked before the mappings that name filters: pydantic goes by the order of the
# fields, and those of a subclass come last; so each camera declares it in a base of its own.
class _IOOFilters(Payload):
    observation_choices: Annotated[tuple[Annotated[IOOFilter, _spelt(IOOFilter)], ...], _ONCE] = Field(
        title=_TITLE, description=_ABOUT, examples=[["g", "r", "i"]], json_schema_extra=_LIST
    )


class _LociFilters(Payload):
    observation_choices: Annotated[tuple[Annotated[Sdss, _spelt(Sdss)], ...], _ONCE] = Field(
        title=_TITLE, description=_ABOUT, examples=[["g", "r"]], json_schema_extra=_LIST
    )


class _LiricFilters(Payload):
    observation_choices: Annotated[tuple[Annotated[LiricFilter, _spelt(LiricFilter)], ...], _ONCE] = Field(
        title=_TITLE,
        description=f"{_ABOUT}; FELH1500 is another name of H",
        examples=[["H"]],
        json_schema_extra=_LIST,
    )


class IOO(PerFilter, _IOOFilters):
    """Optical images with IO:O."""

    binning: Binning = Field("2x2", title="Binning", description="2x2 is advised")

    def setups(self) -> tuple[Setup, ...]:
        """One a filter."""
        return self._filters(
            lambda name, seconds, count: Setup(
                instruments.IOO, seconds, count, filter=rtml_filter(name), binning=_binned(self.binning)
            )
        )


class LOCI(PerFilter, _LociFilters):
    """Optical images with LOCI."""

    binning: Binning = Field("2x2", title="Binning", description="2x2 is the LT's default")

    def setups(self) -> tuple[Setup, ...]:
        """One a filter."""
        return self._filters(
            lambda name, seconds, count: Setup(
                instruments.LOCI, seconds, count, filter=rtml_filter(name), binning=_binned(self.binning)
            )
        )


class LIRIC(PerFilter, _LiricFilters):
    """Infrared images with LIRIC."""

    exposure_counts: int = Field(
        9,
        ge=1,
        le=MOST_EXPOSURES,
        title="Exposures",
        description="Number of exposures of each filter, dithered; the LT advises at least 9",
    )

    def setups(self) -> tuple[Setup, ...]:
        """One a filter, unbinned: LIRIC has no other mode."""
        return self._filters(
            lambda name, seconds, count: Setup(instruments.LIRIC, seconds, count, filter=name, binning=1)
        )

    def advice(self) -> tuple[str, ...]:
        """Says where there are too few dithers."""
        few = any(setup.count < 9 for setup in self.setups())
        return (*super().advice(), *(("the LT advises at least 9 exposures (dithers) with LIRIC",) * few))


class Moptop(LtPayload):
    """Optical polarimetry with MOPTOP, one run a filter."""

    observation_choices: Annotated[tuple[Annotated[MoptopFilter, _spelt(MoptopFilter)], ...], _ONCE] = Field(
        title=_TITLE, description=_ABOUT, examples=[["R"]], json_schema_extra=_LIST
    )
    exposure_counts: Literal[1] = Field(
        1, title="Exposures", description="Always 1: `exposure_time` is the duration of the whole run"
    )
    rot_speed: Literal["slow", "fast"] = Field(
        "slow", title="Rotor speed", description="Speed of the half-wave plate"
    )

    def setups(self) -> tuple[Setup, ...]:
        """One a filter."""
        return tuple(
            Setup(instruments.MOPTOP, self.exposure_time, 1, filter=name, rotor=self.rot_speed)
            for name in self.observation_choices
        )


class SPRAT(LtPayload):
    """A long-slit spectrum with SPRAT, 4020 to 8100 angstrom, R about 350."""

    observation_type: Literal["blue", "red"] = Field(
        "blue",
        title="Grating setting",
        description="The end of the spectrum with the better throughput; they break even at 5600 angstrom",
    )
    binning: Binning | None = Field(
        None, title="Binning", description="Accepted from older SkyPortal requests and ignored: it is 1x1"
    )

    def setups(self) -> tuple[Setup, ...]:
        """Exactly one: the LT takes no more for SPRAT."""
        count = self.exposure_counts
        setup = Setup(instruments.SPRAT, self.exposure_time, count, grating=self.observation_type, binning=1)
        return (setup,)

    def advice(self) -> tuple[str, ...]:
        """Says where a binning is ignored."""
        ignored = ("binning is ignored: SPRAT is always 1x1",) if self.binning == "2x2" else ()
        return (*super().advice(), *ignored)


class Frodo(LtPayload):
    """Integral-field spectra with both arms of FRODOSpec."""

    res_blue: Arm = Field("low", title="Blue resolution", description="Grating of the blue arm")
    res_red: Arm = Field("low", title="Red resolution", description="Grating of the red arm")
    exp_time_blue: Seconds | None = Field(
        None,
        title="Blue exposure time",
        description="Of one exposure, s; default `exposure_time`",
        json_schema_extra={"unit": "s"},
    )
    exp_time_red: Seconds | None = Field(
        None,
        title="Red exposure time",
        description="Of one exposure, s; default `exposure_time`",
        json_schema_extra={"unit": "s"},
    )
    exp_count_blue: Count | None = Field(
        None, title="Blue exposures", description="Number of exposures; default `exposure_counts`"
    )
    exp_count_red: Count | None = Field(
        None, title="Red exposures", description="Number of exposures; default `exposure_counts`"
    )

    def setups(self) -> tuple[Setup, ...]:
        """One an arm, the blue one first."""
        time, count = self.exposure_time, self.exposure_counts
        blue, red = instruments.FRODO_BLUE, instruments.FRODO_RED
        return (
            Setup(blue, self.exp_time_blue or time, self.exp_count_blue or count, grating=self.res_blue),
            Setup(red, self.exp_time_red or time, self.exp_count_red or count, grating=self.res_red),
        )

    def advice(self) -> tuple[str, ...]:
        """Says that the instrument does not observe at present."""
        offline = "FRODOSpec has been offline since 2021-03-01: the LT may take this and never observe it"
        return (*super().advice(), offline)
