"""What a request by Slack message takes: the webhook and the observing parameters (card slack.md)."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from slew.facility import Altdata, Payload
from slew.imaging import AllowedFilters, Filters, Number
from slew.models import HookPart
from slew.notice import short


class SlackAltdata(Altdata):
    """Credentials: the three parts of an incoming webhook's URL. Whoever has them can post."""

    slack_workspace: HookPart = Field(
        title="Workspace", description="First part of the webhook's path, `T...`", examples=["T00000000"]
    )
    slack_channel: HookPart = Field(
        title="Webhook",
        description="Second part of the webhook's path, `B...`; not the id `C...` of a channel",
        examples=["B00000000"],
    )
    slack_token: HookPart = Field(
        title="Token", description="Third part of the webhook's path", examples=["XXXXXXXXXXXXXXXXXXXXXXXX"]
    )
    filters: AllowedFilters = Field(
        None,
        title="Filters",
        description="Filters that the instrument has; others are then refused. A key of Slew's own",
        examples=[["sdssg", "sdssr"]],
    )


class SlackPayload(Payload):
    """Observing parameters. Other keys are accepted and ignored; they are not in the message."""

    model_config = ConfigDict(extra="ignore")

    observation_choices: Filters = Field(
        title="Filters", description="Filters to observe in", examples=[["sdssg", "sdssr"]]
    )
    exposure_time: Number = Field(
        title="Exposure time",
        description="Seconds, per exposure. Customary: 300",
        gt=0,
        lt=7200,
        examples=[300.0],
        json_schema_extra={"unit": "s"},
    )
    exposure_counts: Number = Field(
        title="Exposure counts", description="Number of exposures. Customary: 1", gt=0, examples=[1]
    )

    def told(self) -> dict[str, str]:
        """The parameters as people read them."""
        return {
            "Filters": short(self.observation_choices),
            "Exposure time": f"{self.exposure_time} s",
            "Exposure counts": str(self.exposure_counts),
        }
