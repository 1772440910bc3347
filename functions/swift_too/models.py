"""What Swift takes: credentials, and the two kinds of request (card: Credentials, Request payload)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    RootModel,
    SecretStr,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from slew.facility import Altdata, Payload
from slew.models import Line, Truthy
from slew.validation import refusal
from swift_too.target_of_opportunity import TOO, TooPayload
from swift_too.values import UtcTime

DATA = "XRT/UVOT/BAT Data"
ANONYMOUS = "anonymous"
_PRODUCTS = "XRT API"


def _sendable(value: SecretStr) -> SecretStr:
    if not 1 <= len(value.get_secret_value()) <= 200:
        raise ValueError("must be 1 to 200 characters")
    return value


class SwiftTooAltdata(Altdata):
    """Credentials: an account at the Swift TOO service."""

    username: Line = Field(
        title="User name",
        min_length=1,
        max_length=100,
        description="Swift TOO user name; `anonymous` can look for data, but make no TOO",
        examples=["rubin_too"],
    )
    secret: Annotated[SecretStr, AfterValidator(_sendable)] = Field(
        title="API key",
        validation_alias=AliasChoices("secret", "shared_secret"),
        description="The account's TOO API key (shared secret); for `anonymous` the word itself",
    )
    XRT_UserID: Line | None = Field(
        None,
        title="XRT products user",
        max_length=254,
        description="Address registered for XRT products; not used here, see the facility `swift_xrt`",
    )
    allow_urgent: Truthy = Field(
        False,
        title="Allow urgent requests",
        description="Whether urgencies 0 and 1, which wake the duty scientist, may be sent. Slew's own key",
    )


class DataPayload(Payload):
    """A search of the archive for data at a position; no TOO is made."""

    request_type: Literal["XRT/UVOT/BAT Data"] = Field(
        title="Request type", description="`XRT/UVOT/BAT Data`: what has been observed within 5 arcmin"
    )
    start_date: UtcTime = Field(
        title="Start",
        description="Begin, UT, `YYYY-MM-DD HH:MM:SS`. Customary: a year ago",
        examples=["2023-05-01 00:00:00"],
    )
    end_date: UtcTime = Field(
        title="End",
        description="End, UT, after `start_date`. Customary: now",
        examples=["2023-08-01 00:00:00"],
    )
    XRT: bool = Field(False, title="XRT", description="Whether to fetch files of the X-ray telescope")
    UVOT: bool = Field(False, title="UVOT", description="Whether to fetch files of the UV/optical telescope")
    BAT: bool = Field(False, title="BAT", description="Whether to fetch files of the burst telescope")

    @model_validator(mode="after")
    def _in_order(self) -> DataPayload:
        if self.end_date <= self.start_date:
            raise refusal([("end_date", "must be later than start_date")])
        return self


class SwiftTooPayload(RootModel[Any]):
    """Parameters of a request: its `request_type` says which kind it is; absent, a TOO."""

    model_config = {"frozen": True, "defer_build": True}

    root: TooPayload | DataPayload  # named above, both would be built as the function starts

    @field_validator("root", mode="wrap")
    @classmethod
    def _of_its_kind(cls, data: Any, _: ValidatorFunctionWrapHandler) -> TooPayload | DataPayload:
        if isinstance(data, TooPayload | DataPayload):
            return data
        wanted = data.get("request_type", TOO) if isinstance(data, dict) else TOO
        if wanted == _PRODUCTS:
            raise refusal([("request_type", "products of XRT are made by the facility swift_xrt")])
        if wanted not in (TOO, DATA):
            raise refusal([("request_type", f"must be {TOO!r} or {DATA!r}")])
        return (TooPayload if wanted == TOO else DataPayload).model_validate(data)
