"""What Gemini takes: credentials and the parameters of a trigger (card: Credentials, Request payload)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, model_validator

from gemini.fields import (
    Account,
    AllowedTemplates,
    Brightness,
    Cookie,
    Date,
    GuideDec,
    GuideRA,
    Key,
    Note,
    ProgrammeId,
    TemplateNumbers,
)
from slew.facility import Altdata, Payload
from slew.models import Line
from slew.validation import refusal

_KEYS = ("user_key", "user_password", "password")
_PROGRAMMES = ("programid", "progid")
AIRMASS = (1.0, 3.0)
HOUR_ANGLE = (-5.5, 5.5)


class GeminiAltdata(Altdata):
    """Credentials: a user key of the Observing Tool and a programme, both of one site."""

    user_email: Account = Field(
        title="User e-mail",
        description="Address to which the Observing Tool's user key was issued; it must be listed in the "
        "programme. `email` is taken where it is absent",
        examples=["too-robot@example.org"],
    )
    user_key: Key = Field(
        title="User key",
        validation_alias=AliasChoices(*_KEYS),
        description="The user key's password, different for North and South; not the programme key",
    )
    programid: ProgrammeId = Field(
        title="Programme",
        validation_alias=AliasChoices(*_PROGRAMMES),
        description="Programme id; `GN-` is Gemini North, `GS-` Gemini South",
        examples=["GN-2026B-Q-110"],
    )
    template_ids: AllowedTemplates = Field(
        (),
        title="Templates",
        description="Numbers of the template observations that may be triggered, `21,22` or a list. "
        "Default: any",
        examples=["21,22"],
    )
    archive_session: Cookie | None = Field(
        None,
        title="Archive session",
        description="Value of the cookie `gemini_archive_session`, for proprietary files. Slew's own key",
    )
    archive_username: Line | None = Field(
        None,
        title="Archive user",
        min_length=1,
        max_length=200,
        description="Account of the Gemini Observatory Archive, in place of a session. Slew's own key",
    )
    archive_password: Key | None = Field(
        None, title="Archive password", description="The archive account's password. Slew's own key"
    )

    @model_validator(mode="before")
    @classmethod
    def _by_any_name(cls, data: Any) -> Any:
        """The first name under which there is a value counts; `email` is also the address of notices."""
        if not isinstance(data, dict):
            return data
        found = dict(data)
        for names in (_KEYS, _PROGRAMMES):
            given = [found.pop(name) for name in names if name in found]
            if given:
                found[names[0]] = next((value for value in given if value), given[0])
        if not found.get("user_email") and found.get("email"):
            found["user_email"] = found["email"]
        return found

    @model_validator(mode="after")
    def _whole_account(self) -> GeminiAltdata:
        if (self.archive_username is None) != (self.archive_password is None):
            missing = "archive_password" if self.archive_password is None else "archive_username"
            raise refusal([(missing, "is needed: archive_username and archive_password go together")])
        return self


class GeminiPayload(Payload):
    """The parameters of a trigger: which templates are cloned, and what is put into the clones."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["template_ids"]}, {"required": ["obs"]}]}
    )

    template_ids: TemplateNumbers | None = Field(
        None,
        title="Templates",
        description="Numbers of the template observations, `21` or `21,22` or a list; one trigger each. "
        "This or `obs` must be given",
        examples=["21,22"],
    )
    obs: Line | None = Field(
        None,
        title="Template by title",
        description="Title of the template observation, in place of `template_ids`",
        min_length=1,
        max_length=200,
    )
    start_date: Date = Field(
        title="Start",
        description="Start of the timing window, UTC; sent to the minute",
        examples=["2026-12-01 04:00:00"],
    )
    end_date: Date = Field(
        title="End",
        description="End of the timing window, UTC, after `start_date` and not past; the window is sent in "
        "whole hours, rounded up",
        examples=["2026-12-03 04:00:00"],
    )
    l_exptime: float = Field(
        0,
        title="Exposure time",
        description="Seconds, sent rounded; 0: the template's. Steps of a sequence keep their own",
        ge=0,
        le=1200,
        allow_inf_nan=False,
        json_schema_extra={"unit": "s"},
    )
    elevationType: Literal["airmass", "hourAngle", "none"] = Field(
        "airmass",
        title="Elevation constraint",
        description="What `l_elmin` and `l_elmax` limit; `none` clears the template's limits",
    )
    l_elmin: float = Field(
        1.0,
        title="Lower limit",
        description="Lower airmass, 1 to 3, or hour angle in hours, -5.5 to 5.5",
        ge=HOUR_ANGLE[0],
        le=HOUR_ANGLE[1],
        allow_inf_nan=False,
    )
    l_elmax: float = Field(
        1.6,
        title="Upper limit",
        description="Upper airmass, 1 to 3, or hour angle in hours, -5.5 to 5.5; above `l_elmin`",
        ge=HOUR_ANGLE[0],
        le=HOUR_ANGLE[1],
        allow_inf_nan=False,
    )
    group_name: Line = Field(
        "",
        title="Group",
        description="Group (folder) of the new observation, made if there is none; upper and lower case "
        "differ. Default: the target's name",
        max_length=200,
    )
    note_title: Line = Field(
        "",
        title="Title of the note",
        description="Not sent where it is empty; Gemini's default is `Finding Chart`",
        max_length=200,
    )
    note: Note = Field(
        "",
        title="Note",
        description="Text for the observer, several lines if need be; shortened where the URL would be over "
        "4000 characters",
    )
    ready: bool = Field(
        True,
        title="Ready",
        description="true: trigger now, with an alarm at the telescope; false: leave the new observation "
        "On Hold",
    )
    mags: Brightness | None = Field(
        None,
        title="Brightness",
        description="Brightness of the target, `value/band/system`, several separated by commas",
        examples=["18.4/r/AB,17.9/i/AB"],
    )
    posangle: float = Field(
        0.0,
        title="Position angle",
        description="Degrees east of north; always sent, and it replaces the template's",
        ge=-360,
        le=360,
        allow_inf_nan=False,
        json_schema_extra={"unit": "deg"},
    )
    gstarget: Line | None = Field(
        None,
        title="Guide star",
        description="Name of the guide star; Gemini's default is `GS`",
        min_length=1,
        max_length=100,
    )
    gsra: GuideRA | None = Field(
        None,
        title="Right ascension of the guide star",
        description="Degrees, or sexagesimal hours; without a guide star Gemini looks for one",
        json_schema_extra={"unit": "deg"},
    )
    gsdec: GuideDec | None = Field(
        None,
        title="Declination of the guide star",
        description="Degrees, or sexagesimal degrees",
        json_schema_extra={"unit": "deg"},
    )
    gsmags: Brightness | None = Field(
        None,
        title="Brightness of the guide star",
        description="`value/band/system`, several separated by commas",
        examples=["13.2/UC/Vega"],
    )
    gsprobe: Literal["PWFS1", "PWFS2", "OIWFS", "AOWFS"] | None = Field(
        None,
        title="Guide probe",
        description="Wave-front sensor that follows the guide star; `OIWFS`: the instrument's own",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> GeminiPayload:
        if self.template_ids is None and self.obs is None:
            raise refusal([("template_ids", "is required: template numbers, or a template's title as obs")])
        if self.template_ids is not None and self.obs is not None:
            raise refusal([("obs", "names a template besides template_ids; give one of the two")])
        if self.end_date <= self.start_date:
            raise refusal([("end_date", "must be after start_date")])
        if 0 < self.l_exptime < 0.5:
            raise refusal([("l_exptime", "would be sent as 0 s; give 0 for the template's, or 0.5 or more")])
        self._check_elevation()
        self._check_guide_star()
        return self

    def _check_elevation(self) -> None:
        if self.elevationType == "none":
            return
        low, high = AIRMASS if self.elevationType == "airmass" else HOUR_ANGLE
        unit = "" if self.elevationType == "airmass" else " h"
        for name in ("l_elmin", "l_elmax"):
            if self.elevationType == "hourAngle" and name not in self.model_fields_set:
                raise refusal([(name, "is required with hourAngle: its default is an airmass")])
            if not low <= getattr(self, name) <= high:
                raise refusal([(name, f"must be {low} to {high}{unit} for {self.elevationType}")])
        if self.l_elmax <= self.l_elmin:
            raise refusal([("l_elmax", "must be above l_elmin")])

    def _check_guide_star(self) -> None:
        star = ("gstarget", "gsra", "gsdec", "gsmags", "gsprobe")
        if all(getattr(self, name) is None for name in star):
            return
        for name in ("gsra", "gsdec", "gsprobe"):
            if getattr(self, name) is None:
                raise refusal(
                    [(name, "is required for a guide star, as are gsra, gsdec and gsprobe all three")]
                )
