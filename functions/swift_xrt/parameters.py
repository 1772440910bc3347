"""The service's parameters under their wire names, one class a group (card: Request payload).

What has no default here is left to the service, whose own default the description names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from slew.facility import Payload
from slew.models import Number
from swift_xrt.fields import Interval, Label, Selection, UtcTime, not_empty, parameter, quantity

Centring = Literal["simple", "iterative"]
Grades = Literal["all", "0", "4"]
Modes = Literal["no", "pc", "wt", "both"]
Model = Literal["powerlaw", "apec", "blackbody"]
Count = Annotated[int, Field(ge=1, le=10_000_000)]
Positive = Annotated[Number, Field(gt=0)]

_TARGETS = r"^[0-9]{8}( *, *[0-9]{8})*$"
_BAND = r"[0-9]+(\.[0-9]+)?-[0-9]+(\.[0-9]+)?"
_WHICH = "all: every observation; user: those of"


class SourceParameters(Payload):
    """Which field, which reference time, and how the source is centred on."""

    T0: UtcTime | None = parameter(
        "Reference time",
        "UT; sent as `Tstart`, in Swift's mission elapsed time. Default: now",
        examples=["2026-08-01 12:00:00"],
    )
    Tstart: Number | None = quantity(
        "Reference time", "s", "Swift mission elapsed time, in place of T0", gt=0, le=1e11
    )
    getT0: bool | None = parameter(
        "Look up the reference time", "The service takes the trigger's time, or the first observation's"
    )
    SinceT0: bool | None = parameter("Times since T0", "All other times are relative to T0; default false")
    targ: str | None = parameter(
        "Target ids",
        "Swift's 8-digit target ids, separated by commas; default: looked up by name and field of view",
        pattern=_TARGETS,
        max_length=4000,
        examples=["00013544,00013545"],
    )
    getTargs: bool | None = parameter(
        "Look up the target ids", "By name and by field of view; default true unless targ is given"
    )
    getCoords: bool | None = parameter(
        "Look up the position", "The service resolves the target's name (SIMBAD); its ra, dec are not sent"
    )
    cent: bool | None = parameter("Centroid", "Centroid in the XRT frame; default: what detornot says")
    centMeth: Centring = parameter("Centroid method", "With cent", "simple")
    maxCentTries: Count | None = parameter("Centroid tries", "Observations to try; default 10")
    poserr: Number = quantity(
        "Position error", "arcmin", "how far the centroid may be from the position", 1.0, ge=1, le=6
    )
    sss: bool | None = parameter("Super-soft source", "Grade 0 only; default false")
    useSXPS: bool = parameter("Use SXPS", "Source lists of the SXPS catalogue where possible", False)
    wtpuprate: Positive | None = quantity(
        "Pile-up rate, WT", "ct/s", "above it pile-up is tested; default 150"
    )
    pcpuprate: Positive | None = quantity(
        "Pile-up rate, PC", "ct/s", "above it pile-up is tested; default 0.6"
    )
    notify: bool | None = parameter("Notify", "The service mails the user when it is done; default false")
    srcrad: Annotated[int, Field(ge=1, le=500)] | None = quantity(
        "Source radius", "pixel", "largest one, of light curve and spectrum; default 30"
    )


class LightCurveParameters(Payload):
    """Of `lc`."""

    binMeth: Literal["counts", "time", "snapshot", "obsid"] = parameter(
        "Binning", "By counts, by fixed times, one bin a snapshot, or one an observation", "counts"
    )
    pccounts: Count | None = quantity("Counts a bin, PC", "ct", "at 1 ct/s, with binMeth counts; default 20")
    wtcounts: Count | None = quantity("Counts a bin, WT", "ct", "at 1 ct/s, with binMeth counts; default 30")
    dynamic: bool | None = parameter("Dynamic binning", "With binMeth counts; default true")
    ratefact: Positive | None = parameter("Rate factor", "Of dynamic binning; default 10")
    binfact: Positive | None = parameter("Bin factor", "Of dynamic binning; default 1.5")
    mincmin: Count | None = quantity("Least counts", "ct", "floor of dynamic binning; default 15")
    minsnr: Annotated[Number, Field(ge=0)] | None = parameter("Least signal to noise", "Default 2.4")
    pcbin: Positive | None = quantity(
        "Bin, PC", "s", "counts: the shortest, default 2.51; time: the length, default 100"
    )
    wtbin: Positive | None = quantity(
        "Bin, WT", "s", "counts: the shortest, default 0.5; time: the length, default 10"
    )
    hrbin: bool | None = parameter("Same bins for the hardness ratio", "Else pchrbin, wthrbin; default true")
    pchrbin: Positive | None = quantity("Hardness-ratio bin, PC", "s")
    wthrbin: Positive | None = quantity("Hardness-ratio bin, WT", "s")
    femin: Annotated[Number, Field(ge=0, le=1)] | None = parameter(
        "Least fractional exposure", "With binMeth time; default 0"
    )
    pcmaxgap: Positive | None = quantity("Longest gap, PC", "s", "that a bin may cross; default 1e8")
    wtmaxgap: Positive | None = quantity("Longest gap, WT", "s", "that a bin may cross; default 1e8")
    minen: Positive | None = quantity("Band, from", "keV", "default 0.3", le=100)
    maxen: Positive | None = quantity("Band, to", "keV", "default 10", le=100)
    soft1: Positive | None = quantity("Soft band, from", "keV", "default 0.3", le=100)
    soft2: Positive | None = quantity("Soft band, to", "keV", "default 1.5", le=100)
    hard1: Positive | None = quantity("Hard band, from", "keV", "default 1.5", le=100)
    hard2: Positive | None = quantity("Hard band, to", "keV", "default 10", le=100)
    sigmin: Annotated[Number, Field(ge=0)] | None = quantity(
        "Detection threshold", "sigma", "below it an upper limit; default 3"
    )
    grades: Grades | None = parameter("Grades", "Of the events; default all")
    allowUL: Modes | None = parameter("Upper limits", "In which modes; default both")
    allowB: Modes | None = parameter("Bayesian bins", "In which modes; default both")
    bayesCounts: Annotated[Number, Field(ge=0)] | None = quantity(
        "Bayesian below, counts", "ct", "default 15"
    )
    bayesSNR: Annotated[Number, Field(ge=0)] | None = parameter(
        "Bayesian below, signal to noise", "Default 2.4"
    )
    lctimetype: Literal["s", "m"] | None = parameter(
        "Time axis", "s: seconds since T0 by Swift's clock; m: MJD (UTC), exact. Default s"
    )
    lcobs: Literal["all", "user"] | None = parameter("Observations", f"{_WHICH} uselcobs. Default all")
    uselcobs: Selection | None = parameter("Observations to use", "Ids or start-stop times")


class SpectrumParameters(Payload):
    """Of `spec`."""

    dchi: Positive = parameter("Step of the fit statistic", "For the errors: 2.706 for 90%", 2.706)
    specz: bool | None = parameter("Redshifted", "Fit with a redshift; default: whether zval is given")
    zval: Annotated[Number, Field(ge=0, le=20)] | None = parameter("Redshift", "Of the absorber")
    galactic: bool | None = parameter(
        "Galactic absorber", "A separate one; default: true with a redshift, else false"
    )
    models: Annotated[tuple[Model, ...], AfterValidator(not_empty)] | None = parameter(
        "Models", "To fit; default powerlaw", json_schema_extra={"uniqueItems": True, "minItems": 1}
    )
    doNotFit: bool | None = parameter("Do not fit", "Spectra only; default false")
    specobs: Literal["all", "user", "hours"] | None = parameter(
        "Observations", f"{_WHICH} usespecobs; hours: the first specobstime. Default hours"
    )
    usespecobs: Selection | None = parameter("Observations to use", "Ids or start-stop times")
    specobstime: Positive | None = quantity("First hours", "h", "with specobs hours; default 12", le=1e6)
    timeslice: Literal["single", "user", "snapshot", "obsid"] | None = parameter(
        "Slices",
        "One spectrum, one of each of gti1 to gti4, or one a snapshot or observation; default single",
    )
    rname1: Label | None = parameter("Label of slice 1", "Letters and digits; with timeslice user")
    gti1: Interval | None = parameter("Times of slice 1", "start-stop in s", examples=["0-1000"])
    rname2: Label | None = parameter("Label of slice 2", "Letters and digits")
    gti2: Interval | None = parameter("Times of slice 2", "start-stop in s")
    rname3: Label | None = parameter("Label of slice 3", "Letters and digits")
    gti3: Interval | None = parameter("Times of slice 3", "start-stop in s")
    rname4: Label | None = parameter("Label of slice 4", "Letters and digits")
    gti4: Interval | None = parameter("Times of slice 4", "start-stop in s")
    specgrades: Grades | None = parameter("Grades", "Of the events; default all")
    specstem: Label | None = parameter("Name of the spectrum", "Letters and digits; default interval0")


class PositionParameters(Payload):
    """Shared by `psf`, `enh` and `xastrom`; `detornot` is SkyPortal's flag or the wire's word."""

    detMeth: Centring = parameter("Position method", "Of the three positions", "simple")
    posRadius: Positive | None = quantity("Search radius", "arcsec", "default 20", le=1000)
    posobs: Literal["all", "user", "hours"] | None = parameter(
        "Observations", f"{_WHICH} useposobs; hours: the first posobstime. Default hours"
    )
    useposobs: Selection | None = parameter("Observations to use", "Ids or start-stop times")
    posobstime: Positive | None = quantity("First hours", "h", "with posobs hours; default 12", le=1e6)


class AstrometryParameters(Payload):
    """Of `xastrom` alone."""

    allxastrom: bool = parameter("All observations", "For the astrometric position", True)


class ImageParameters(Payload):
    """Of `image`."""

    imen: str | None = parameter(
        "Bands",
        "from-to in keV, separated by commas; default 0.3-10,0.3-1.5,1.51-10",
        pattern=rf"^{_BAND}( *, *{_BAND})*$",
        max_length=500,
    )
    imobs: Literal["all", "user"] | None = parameter("Observations", f"{_WHICH} useimobs. Default all")
    useimobs: Selection | None = parameter("Observations to use", "Ids or start-stop times")


class SourceDetectionParameters(Payload):
    """Of `sourceDet`."""

    detobs: Literal["all", "user"] | None = parameter(
        "Observations", f"{_WHICH} usedetobs; required with sourceDet. Many may exceed the 12 h of a run"
    )
    usedetobs: Selection | None = parameter("Observations to use", "Ids or start-stop times")
    detbands: Literal["total", "all"] | None = parameter("Bands", "Default total")
    fitStrayLight: bool | None = parameter("Fit stray light", "Default true")
