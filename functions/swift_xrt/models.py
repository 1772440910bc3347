"""What the Swift XRT product builder takes (card: Credentials, Request payload)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, model_validator

from slew.facility import Altdata
from slew.models import Line
from slew.validation import refusal
from swift_xrt.fields import not_empty, parameter
from swift_xrt.parameters import (
    AstrometryParameters,
    ImageParameters,
    LightCurveParameters,
    PositionParameters,
    SourceDetectionParameters,
    SourceParameters,
    SpectrumParameters,
)

Product = Literal["lc", "spec", "psf", "enh", "xastrom", "image", "sourceDet"]
PRODUCTS: tuple[Product, ...] = ("lc", "spec", "psf", "enh", "xastrom", "image", "sourceDet")
POSITIONS = frozenset({"psf", "enh", "xastrom"})
_DEFAULT: tuple[Product, ...] = ("lc", "spec", "psf", "enh", "xastrom")

_SYNONYMS = {
    "centroid": "cent",
    "posErr": "poserr",
    "wtPupRate": "wtpuprate",
    "pcPupRate": "pcpuprate",
    "sinceT0": "SinceT0",
    "pcCounts": "pccounts",
    "wtCounts": "wtcounts",
    "rateFact": "ratefact",
    "binFact": "binfact",
    "minCounts": "mincmin",
    "minSNR": "minsnr",
    "pcBinTime": "pcbin",
    "wtBinTime": "wtbin",
    "matchHR": "hrbin",
    "pcHRBinTime": "pchrbin",
    "wtHRBinTime": "wthrbin",
    "minFracExp": "femin",
    "pcMaxGap": "pcmaxgap",
    "wtMaxGap": "wtmaxgap",
    "pcmaxGap": "pcmaxgap",
    "wtmaxGap": "wtmaxgap",
    "minEnergy": "minen",
    "maxEnergy": "maxen",
    "softLo": "soft1",
    "softHi": "soft2",
    "hardLo": "hard1",
    "hardHi": "hard2",
    "minSig": "sigmin",
    "allowBayes": "allowB",
    "timeFormat": "lctimetype",
}
"""swifttools' names, and the other spellings that the card lists, of what has another name on the wire."""

_FLAGS = frozenset(
    {
        *("detornot", "cent", "getT0", "SinceT0", "getTargs", "getCoords", "sss", "useSXPS", "notify"),
        *("dynamic", "hrbin", "specz", "galactic", "doNotFit", "allxastrom", "fitStrayLight"),
    }
)
_OWNERS: tuple[tuple[frozenset[str], type], ...] = (
    (frozenset({"lc"}), LightCurveParameters),
    (frozenset({"spec"}), SpectrumParameters),
    (POSITIONS, PositionParameters),
    (frozenset({"xastrom"}), AstrometryParameters),
    (frozenset({"image"}), ImageParameters),
    (frozenset({"sourceDet"}), SourceDetectionParameters),
)
_FORM = frozenset({"binMeth", "detMeth"})
_CHOSEN_OBSERVATIONS = (
    ("lcobs", "uselcobs"),
    ("specobs", "usespecobs"),
    ("posobs", "useposobs"),
    ("imobs", "useimobs"),
    ("detobs", "usedetobs"),
)
_BANDS = (("soft1", 0.3, "soft2", 1.5), ("hard1", 1.5, "hard2", 10.0))


def _an_address(value: SecretStr) -> SecretStr:
    # `pattern` does not work on a SecretStr.
    address = value.get_secret_value().strip()
    if len(address) > 254 or not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", address):
        raise ValueError("must be one e-mail address, of at most 254 characters")
    return SecretStr(address)


def _flag_or_word(value: Any) -> Any:
    if not isinstance(value, bool) and value not in ("detect", "centroid"):
        raise ValueError("must be true, false, 'detect' or 'centroid'")
    return value


Centroiding = Annotated[
    bool | str,
    BeforeValidator(_flag_or_word, json_schema_input_type=bool | Literal["detect", "centroid"]),
]


class SwiftXrtAltdata(Altdata):
    """Credentials of a Swift XRT allocation: there is no password, so the address is the secret."""

    XRT_UserID: Annotated[SecretStr, AfterValidator(_an_address)] = Field(
        title="Registered address",
        description="E-mail address registered and confirmed with the XRT product builder; whoever knows it "
        "can submit, cancel and list jobs in this name",
    )
    username: Line | None = Field(
        None, title="Swift TOO user", max_length=200, description="Only for the TOO service; not used here"
    )
    secret: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("secret", "shared_secret"),
        title="Swift TOO secret",
        description="Only for the TOO service; not used here",
    )


class SwiftXrtPayload(
    SourceDetectionParameters,
    ImageParameters,
    AstrometryParameters,
    PositionParameters,
    SpectrumParameters,
    LightCurveParameters,
    SourceParameters,
):
    """Parameters of one job: SkyPortal's, and the service's own under their wire names.

    A flag may be given as 0 or 1 as well, a name as swifttools has it.
    """

    request_type: Literal["XRT API"] = Field(
        "XRT API", title="Kind of request", description="SkyPortal's word for these; need not be given"
    )
    products: Annotated[tuple[Product, ...], AfterValidator(not_empty)] = Field(
        _DEFAULT,
        title="Products",
        description="Light curve, spectrum, standard, enhanced and astrometric position, image, source list",
        json_schema_extra={"uniqueItems": True, "minItems": 1},
    )
    detornot: Centroiding = Field(
        False,
        title="Centroid?",
        description="true or false: centroid (sent as `cent`); the words detect or centroid: how the "
        "positions are found (sent as `detornot`, the service's own parameter)",
    )
    flux_density: bool = parameter(
        "Derive flux densities",
        "Flux densities at 1 keV from the count rates by the spectrum's power-law fit, marked as derived; "
        "needs lc and spec with the model powerlaw",
        False,
    )

    @model_validator(mode="before")
    @classmethod
    def _in_wire_terms(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        found: dict[str, Any] = {}
        for key, value in data.items():
            name: str = _SYNONYMS.get(key) or key
            if name in found or (name != key and name in data):
                raise refusal([(key, f"is another name of {name}, which is given too")])
            is_flag = name in _FLAGS and isinstance(value, int) and value in (0, 1)
            found[name] = bool(value) if is_flag else value
        return found

    @model_validator(mode="after")
    def _goes_together(self) -> SwiftXrtPayload:
        problems = list(self._problems())
        if problems:
            raise refusal(problems)
        return self

    @property
    def centroids(self) -> bool:
        """Whether the source is centred on in the XRT frame (`cent`)."""
        return self.cent if self.cent is not None else self.detornot is True

    @property
    def only_detects(self) -> bool:
        """Whether nothing but a source detection is wanted, which needs neither position nor centroid."""
        return self.products == ("sourceDet",)

    def _problems(self) -> Iterator[tuple[str, str]]:
        if len(set(self.products)) != len(self.products):
            yield "products", "must not name a product twice"
        yield from self._misplaced()
        yield from self._unclear_source()
        yield from self._bad_selections()
        yield from self._bad_bands()
        yield from self._bad_spectrum()

    def _misplaced(self) -> Iterator[tuple[str, str]]:
        """What was given of products that are not asked for: it would be lost."""
        wanted = set(self.products)
        for owners, group in _OWNERS:
            if not owners & wanted:
                for name in sorted(set(group.model_fields) & self.model_fields_set - _FORM):  # type: ignore[attr-defined]
                    yield (
                        name,
                        f"goes with the product {' or '.join(sorted(owners))}, which is not in products",
                    )
        if isinstance(self.detornot, str) and not POSITIONS & wanted:
            yield "detornot", "detect and centroid go with a position, which is not in products"
        if self.srcrad is not None and not {"lc", "spec"} & wanted:
            yield "srcrad", "goes with the product lc or spec, which is not in products"
        powerlaw = self.models is None or "powerlaw" in self.models
        if self.flux_density and (not {"lc", "spec"} <= wanted or not powerlaw or self.doNotFit):
            yield "flux_density", "needs the products lc and spec, with a powerlaw fit"

    def _unclear_source(self) -> Iterator[tuple[str, str]]:
        if self.T0 is not None and self.Tstart is not None:
            yield "Tstart", "is T0 in other terms: give one of them"
        if self.getT0 and (self.T0 is not None or self.Tstart is not None):
            yield "getT0", "must not be true where T0 or Tstart is given: the service would override it"
        if self.getTargs and self.targ is not None:
            yield "getTargs", "must not be true where targ is given: the service would override it"
        if self.getTargs is False and self.targ is None:
            yield "targ", "is required where getTargs is false"
        said = isinstance(self.detornot, bool) and "detornot" in self.model_fields_set
        if said and self.cent is not None and self.cent != self.detornot:
            yield "cent", "contradicts detornot, which as a flag means the same"

    def _bad_selections(self) -> Iterator[tuple[str, str]]:
        for which, selection in _CHOSEN_OBSERVATIONS:
            chosen, given = getattr(self, which), getattr(self, selection) is not None
            if chosen == "user" and not given:
                yield selection, f"is required where {which} is user"
            if given and chosen not in ("user", None):
                yield selection, f"only goes with {which} user"
        for which, hours in (("specobs", "specobstime"), ("posobs", "posobstime")):
            if getattr(self, hours) is not None and getattr(self, which) not in ("hours", None):
                yield hours, f"only goes with {which} hours"
        if "sourceDet" in self.products and self.detobs is None and self.usedetobs is None:
            yield "detobs", "is required with the product sourceDet: all, or user with usedetobs"

    def _bad_bands(self) -> Iterator[tuple[str, str]]:
        low, high = self.minen or 0.3, self.maxen or 10.0
        if low >= high:
            yield "maxen", f"must be greater than minen ({low:g} keV)"
            return
        for first, first_default, second, second_default in _BANDS:
            start, end = getattr(self, first), getattr(self, second)
            if start is None and end is None:
                continue
            start, end = start or first_default, end or second_default
            if not low <= start < end <= high:
                name = first if getattr(self, second) is None else second
                text = f"{first} to {second} ({start:g} to {end:g} keV) must lie in minen to maxen"
                yield name, f"{text} ({low:g} to {high:g} keV)"

    def _bad_spectrum(self) -> Iterator[tuple[str, str]]:
        if self.models is not None and len(set(self.models)) != len(self.models):
            yield "models", "must not name a model twice"
        if self.specz and self.zval is None:
            yield "zval", "is required where specz is true"
        if self.specz is False and self.zval is not None:
            yield "zval", "only goes with specz true"
        if self.doNotFit and (self.specz or self.zval is not None):
            yield "doNotFit", "does not go with a redshift"
        slices = [(f"rname{n}", f"gti{n}") for n in range(1, 5)]
        given = [pair for pair in slices if any(getattr(self, name) is not None for name in pair)]
        for pair in given:
            for name in pair:
                if getattr(self, name) is None:
                    yield name, f"is required: {' and '.join(pair)} go together"
        if self.timeslice == "user" and not given:
            yield "gti1", "is required where timeslice is user, with rname1"
        if self.timeslice not in ("user", None) and given:
            yield given[0][0], "only goes with timeslice user"
        labels = [getattr(self, name) for name, _ in given]
        if len(set(labels)) != len(labels):
            yield given[-1][0], "must not repeat another slice's label"
