"""What the demonstration reads back: the simulators' own books of triggers, messages and mail; and leaks."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from local.demo_api import control
from local.demo_script import JSON, NOTICES_HOOK, Plan


@dataclass(frozen=True)
class Record:
    """The simulators' own books."""

    simulators: dict[str, str]
    aws_endpoint: str

    def triggers(self, plan: Plan) -> list[str]:
        """Body of every request that came to the plan's facility, as the facility itself has it."""
        if plan.trigger.at == "email":
            return [f"{mail['headers']} {mail['text']}" for mail in self.mails(plan.trigger.path)]
        journal = control(f"{self.simulators[plan.trigger.at]}/_journal")
        return [
            entry["body"]
            for entry in journal
            if entry["method"] == "POST" and entry["path"] == plan.trigger.path
        ]

    def cancellations(self, plan: Plan, facility_id: str) -> int:
        """How many cancellations of a request came."""
        journal = control(f"{self.simulators[plan.trigger.at]}/_journal")
        path = f"{plan.trigger.path}{facility_id}/cancel/"
        return sum(entry["method"] == "POST" and entry["path"] == path for entry in journal)

    def notices(self) -> list[JSON]:
        """Messages in the channel where notices go, oldest first."""
        hook = "/".join(NOTICES_HOOK[:2])
        messages = control(f"{self.simulators['slack']}/_messages")
        return [message["rendered"] for message in messages if message["hook"] == hook]

    def mails(self, address: str) -> list[JSON]:
        """Mail to an address, oldest first."""
        outbox: list[JSON] = control(f"{self.aws_endpoint}/_ses/outbox")
        return [mail for mail in outbox if address in mail["to"]]


def leaks(secrets: Iterable[str], places: Mapping[str, Sequence[str]]) -> list[str]:
    """Names of the places in which a secret stands, plain, URL-encoded or in base64."""
    forms = {form for secret in secrets for form in _forms(secret)}
    return [place for place, texts in places.items() if any(form in text for text in texts for form in forms)]


def function_logs(folder: Path) -> list[str]:
    """What the functions have logged."""
    return [path.read_text(errors="replace") for path in sorted(folder.glob("*Function.log"))]


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}


def headline(rendered: JSON) -> str:
    """The line of a Slack message that a phone shows."""
    return str(rendered["fallback"])


def reading(rendered: JSON) -> str:
    """A Slack message as text, each field's label and value on one line."""
    return re.sub(r"(?m)^(\*[^*\n]+\*)\n(?=`)", r"\1 ", str(rendered["text"]))
