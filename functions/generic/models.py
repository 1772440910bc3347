"""What the generic facility takes: where requests go, and one form of parameters (card generic.md)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from slew.email_message import recipients
from slew.facility import Altdata, Payload
from slew.imaging import AllowedFilters, Filters, Number, WholeNumber
from slew.models import HookPart, Line
from slew.notice import short

_NEEDED = {
    "API": ("endpoint", "api_token"),
    "slack": ("slack_workspace", "slack_channel", "slack_token"),
    "email": ("email",),
}
_MISSING = {
    "API": "API endpoint and API token required for API notification type.",
    "slack": "slack_workspace, slack_channel and slack_token are required for notification type slack",
    "email": "email is required for notification type email",
}
_UNITS = {"exposure_time": "s", "minimum_lunar_distance": "deg"}


def _header_safe(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not 1 <= len(text) <= 1000 or any(not "!" <= character <= "~" for character in text):
        raise ValueError("must be 1 to 1000 printable ASCII characters without blanks")
    return value


def _real_date(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a real date, YYYY-MM-DD") from None
    if not 2000 <= day.year <= 2099:
        raise ValueError("must be a date of the years 2000 to 2099")
    return text


Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real_date)]
"""A date, UT, kept as the text that was given."""


Url = Annotated[Line, Field(max_length=2000)] | Annotated[SecretStr, Field(max_length=2000)]
"""A URL; a secret where it has a query."""


class GenericAltdata(Altdata):
    """Where requests go: `notification_type` is the transport here, whose keys are then required."""

    notification_type: Literal["API", "slack", "email"] = Field(  # type: ignore[assignment]
        title="Transport",
        description="How requests leave: `API` (HTTP POST to `endpoint`), `slack` or `email`",
    )
    endpoint: Url | None = Field(
        None,
        validate_default=True,
        title="Endpoint",
        description="Complete https URL that is POSTed to; a request's id is appended to its path. "
        "For `API`. One with a query, which may hold a token, is kept as a secret",
        examples=["https://too.example-observatory.org/api/requests"],
    )
    endpoint_query: SecretStr | None = Field(
        None,
        title="Endpoint's query",
        description="Filled in from `endpoint`: known apart, it is masked apart too",
    )
    api_token: Annotated[SecretStr, AfterValidator(_header_safe)] | None = Field(
        None,
        validate_default=True,
        title="API token",
        description="Sent as `Authorization: token <api_token>`. For `API`",
    )
    slack_workspace: HookPart | None = Field(
        None, validate_default=True, title="Workspace", description="First part of the webhook's path, `T...`"
    )
    slack_channel: HookPart | None = Field(
        None,
        validate_default=True,
        title="Webhook",
        description="Second part of the webhook's path, `B...`; not the id `C...` of a channel",
    )
    slack_token: HookPart | None = Field(
        None, validate_default=True, title="Slack token", description="Third part of the webhook's path"
    )
    email: str | None = Field(
        None,
        validate_default=True,
        title="Recipients",
        max_length=4000,
        description="Email addresses, separated by commas. For `email`",
        examples=["too@example-observatory.org,night@example-observatory.org"],
    )
    filters: AllowedFilters = Field(
        None,
        title="Filters",
        description="Filters that the instrument has; others are then refused. A key of Slew's own",
        examples=[["sdssg", "sdssr"]],
    )
    remote_allocation_id: Annotated[int, Field(strict=True)] | Line | None = Field(
        None,
        title="Remote allocation",
        description="`allocation_id` to send where the endpoint has allocations of its own "
        "(a SkyPortal instance). A key of Slew's own",
        examples=[7],
    )
    update_method: Literal["post", "put"] | None = Field(
        None,
        title="Update by",
        description="`post`: POST to `endpoint` again; `put`: PUT to `endpoint`/id, as a SkyPortal instance "
        "wants it; absent: `put` where `endpoint` ends in `/api/followup_request`, else updates are "
        "refused. A key of Slew's own",
    )

    @model_validator(mode="before")
    @classmethod
    def _query_is_secret(cls, data: Any) -> Any:
        endpoint = data.get("endpoint") if isinstance(data, dict) else None
        if not isinstance(endpoint, str) or "?" not in endpoint or len(endpoint) > 2000:
            return data
        return {**data, "endpoint": SecretStr(endpoint), "endpoint_query": endpoint.partition("?")[2]}

    @field_validator(
        "endpoint", "api_token", "slack_workspace", "slack_channel", "slack_token", "email", mode="after"
    )
    @classmethod
    def _present(cls, value: Any, info: ValidationInfo) -> Any:
        transport = info.data.get("notification_type")
        if transport and not value and info.field_name in _NEEDED[transport]:
            raise ValueError(_MISSING[transport])
        return value

    @field_validator("email", mode="after")
    @classmethod
    def _addresses(cls, value: str | None) -> str | None:
        return ", ".join(recipients(value)) if value else None

    def url(self, request_id: str = "") -> str:
        """The endpoint's URL, or that of one request there; `request_id` is already fit for a path."""
        given = self.endpoint or ""
        whole = given.get_secret_value() if isinstance(given, SecretStr) else given
        base, mark, query = whole.partition("?")
        return f"{base.rstrip('/')}/{request_id}{mark}{query}" if request_id else whole


class GenericPayload(Payload):
    """Observing parameters. Other keys are accepted and forwarded unchanged (card: Request payload)."""

    model_config = ConfigDict(extra="allow", str_strip_whitespace=False)

    observation_choices: Filters = Field(
        title="Filters", description="Filters to observe in", examples=[["sdssg", "sdssr"]]
    )
    exposure_time: Number = Field(
        title="Exposure time",
        description="Seconds, per exposure. Customary: 300",
        gt=0,
        examples=[300.0],
        json_schema_extra={"unit": "s"},
    )
    exposure_counts: WholeNumber = Field(
        title="Exposure counts", description="Exposures per filter. Customary: 1", ge=1, examples=[1]
    )
    maximum_airmass: Number = Field(
        title="Maximum airmass", description="Airmass limit. Customary: 2", ge=1, le=3, examples=[2.0]
    )
    minimum_lunar_distance: Number = Field(
        title="Minimum Moon distance",
        description="Degrees. Customary: 30",
        ge=0,
        le=180,
        examples=[30.0],
        json_schema_extra={"unit": "deg"},
    )
    priority: Number = Field(
        title="Priority", description="5 is most urgent. Customary: 1", ge=1, le=5, examples=[1.0]
    )
    start_date: Day = Field(title="Start date", description="First date, UT", examples=["2026-12-01"])
    end_date: Day = Field(
        title="End date",
        description="Last date, UT, inclusive; not before `start_date`, not in the past",
        examples=["2026-12-08"],
    )

    @field_validator("end_date", mode="after")
    @classmethod
    def _in_order(cls, value: str, info: ValidationInfo) -> str:
        start = info.data.get("start_date")
        if start and value < start:
            raise ValueError(f"must not be before start_date ({start})")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _in_the_peers_words(
        cls, data: Any, handler: ModelWrapValidatorHandler[GenericPayload]
    ) -> GenericPayload:
        """A missing key is refused in the words that SkyPortal's users know (card: Error texts)."""
        try:
            return handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                cls.__name__, [_line(each) for each in error.errors()]
            ) from None

    def told(self) -> dict[str, str]:
        """The parameters as people read them, those that are not ours included."""
        return {
            key: f"{short(value)} {_UNITS[key]}" if key in _UNITS else short(value)
            for key, value in self.model_dump().items()
        }


def _line(error: Any) -> InitErrorDetails:
    missing = error["type"] == "missing"
    message = "Parameter {name} required." if missing else "{message}"
    context = (
        {"name": error["loc"][-1]} if missing else {"message": error["msg"].removeprefix("Value error, ")}
    )
    kind = PydanticCustomError(error["type"], message, context)
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"])
