"""Pushing what came of a request on to other systems: settings of an allocation, and where secrets go.

`handover` of an allocation names destinations: a webhook of anybody's, a SkyPortal instance. What may be seen
stands in the allocation's record; keys and tokens in the secret `slew/handover/<allocation>`, which the
facilities' functions may write and not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from slew import vault
from slew.models import HeaderSecret, Model
from slew.redact import MASK
from slew.status import Status
from slew.urls import Base, Url

DESTINATIONS = ("webhook", "skyportal")
_SECRETS = {"webhook": "secret", "skyportal": "token"}


def _strong(secret: SecretStr) -> SecretStr:
    if not 16 <= len(secret.get_secret_value()) <= 500:
        raise ValueError("must have 16 to 500 characters")
    return secret


On = Annotated[tuple[Status, ...], Field(min_length=1, max_length=len(Status))]


class Webhook(Model):
    """An HTTPS address that is posted each change, signed."""

    url: Url = Field(description="Where to POST", examples=["https://broker.example.org/slew"])
    secret: Annotated[SecretStr, AfterValidator(_strong)] = Field(
        description="Key of the signature (HMAC-SHA256), 16 to 500 characters; both sides know it"
    )
    on: On = Field((Status.COMPLETE,), description="Statuses that are pushed")


class SkyPortal(Model):
    """A SkyPortal instance that takes the photometry, and the status if it knows the request."""

    url: Base = Field(description="Its base URL", examples=["https://skyportal.example.org"])
    token: HeaderSecret = Field(description="A token of that instance with the right Upload data")
    instrument_id: int = Field(ge=1, description="The number of the instrument there")
    group_ids: tuple[int, ...] = Field((), max_length=100, description="Groups there that see the photometry")
    allocation_id: int | None = Field(
        None, ge=1, description="The number of the allocation there; with it the status is set there too"
    )
    unflagged: bool = Field(
        False, description="Leave out measurements with a flag, unless that is `derived` or `upper_limit`"
    )
    on: On = Field((Status.COMPLETE,), description="Statuses that are pushed")


class Handover(Model):
    """`handover` of an allocation."""

    webhook: Webhook | None = None
    skyportal: SkyPortal | None = None


def settings(handover: Handover | None) -> dict[str, dict[str, Any]]:
    """What the record keeps: every destination with its secret masked."""
    found = {}
    for name in DESTINATIONS:
        destination = getattr(handover, name, None)
        if destination is not None:
            about = destination.model_dump(mode="json", exclude={_SECRETS[name]})
            found[name] = {**about, _SECRETS[name]: MASK}
    return found


def keep(allocation_id: str, since: str, handover: Handover | None) -> None:
    """Put the destinations, with their secrets, where the handover functions find them.

    `since`: when the allocation was made.
    """
    whole = {
        name: {
            **destination.model_dump(mode="json", exclude={_SECRETS[name]}),
            _SECRETS[name]: getattr(destination, _SECRETS[name]).get_secret_value(),
        }
        for name in DESTINATIONS
        if (destination := getattr(handover, name, None)) is not None
    }
    if whole:
        vault.write(secret_of(allocation_id), {**whole, vault.SINCE: since}, vault.new_version())
    else:
        vault.remove(secret_of(allocation_id))


def secret_of(allocation_id: str) -> str:
    """The secret's name."""
    return vault.name("handover", allocation_id)


def wanted(kept: Mapping[str, Mapping[str, Any]], status: str) -> list[str]:
    """The destinations that a change to this status is for."""
    return [name for name, about in kept.items() if status in about["on"]]
