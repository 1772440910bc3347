"""The SkyPortal instances that may call, each known by the id of the token of ours that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import SecretStr

from skyportal.models import SenderBody
from slew import table, vault
from slew.errors import Invalid, NotFound


@dataclass(frozen=True)
class Sender:
    """An instance: its base URL, our allocations by its numbers, what a second POST means.

    `secret_version`: of the token that reads its sources; empty for none.
    """

    id: str
    url: str | None
    allocations: Mapping[str, str]
    repeats: str
    secret_version: str = ""

    @property
    def token(self) -> SecretStr | None:
        """The token that reads the instance's sources. Raises Unavailable."""
        if not self.secret_version:
            return None
        return SecretStr(vault.read(_secret(self.id), self.secret_version)["token"])

    def view(self) -> dict[str, Any]:
        """The API's form: whether there is a token, never which."""
        shown = {"id": self.id, "url": self.url, "allocations": dict(self.allocations)}
        return {**shown, "repeats": self.repeats, "has_token": bool(self.secret_version)}


def find(token_id: str) -> Sender:
    """The sender that holds a token. Raises NotFound."""
    doc = table.get(f"SENDER#{token_id}", "META")
    if doc is None:
        raise NotFound("this token belongs to no SkyPortal instance: PUT /skyportal/senders/{token id}")
    return Sender(**doc)


def keep(token_id: str, body: SenderBody) -> Sender:
    """Put a sender's settings in the place of those before. Raises Invalid."""
    for number in body.allocations:
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            raise Invalid.field(["allocations", number], "must be a whole number, as the instance counts")
    if body.token and not body.url:
        raise Invalid.field(["url"], "is needed with a token")
    sender = Sender(token_id, body.url, body.allocations, body.repeats)
    if body.token:
        sender = replace(sender, secret_version=vault.new_version())
        vault.write(_secret(token_id), {"token": body.token.get_secret_value()}, sender.secret_version)
    else:
        vault.remove(_secret(token_id))
    table.write(f"SENDER#{token_id}", "META", asdict(sender))
    return sender


def remove(token_id: str) -> None:
    """Forget a sender and its token. Raises NotFound."""
    find(token_id)
    table.remove(f"SENDER#{token_id}", "META")
    vault.remove(_secret(token_id))


def _secret(token_id: str) -> str:
    return vault.name("skyportal", token_id)
