"""What is told of a SkyPortal instance, and what it sends (card generic.md, "Being the endpoint")."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from slew.models import HeaderSecret, Identifier, Line, Model, Target
from slew.urls import Base


class SenderBody(Model):
    """Body of `PUT /skyportal/senders/{token id}`: the instance that holds one of our tokens."""

    url: Base | None = Field(
        None, description="Its base URL, to ask it for positions", examples=["https://skyportal.example.org"]
    )
    token: HeaderSecret | None = Field(None, description="A token of that instance that reads sources")
    allocations: dict[str, Identifier] = Field(
        max_length=1000,
        description="Our allocation by the number that the instance knows its own by",
        examples=[{"7": "lco-1"}],
    )
    repeats: Literal["replace", "always_new"] = Field(
        "replace",
        description="Whether another payload for the same object and allocation updates the live request",
    )


class Trigger(BaseModel):
    """Body of `POST /skyportal/requests`; what else a SkyPortal sends is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    obj_id: Line = Field(min_length=1, max_length=200, description="The object's name there")
    allocation_id: int = Field(strict=True, description="The allocation's number there")
    payload: dict[str, Any] = Field(description="The observing parameters, in the facility's fields")
    target: Target | None = Field(None, description="Where it is; a SkyPortal does not say")
    confirm_not_at_facility: bool = Field(
        False,
        description="A person has looked: the facility has not got what failed before; for other senders",
    )


class TargetBody(Model):
    """Body of `PUT /skyportal/targets/{obj_id}`: a target told before it is triggered on."""

    target: Target
