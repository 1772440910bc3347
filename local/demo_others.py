"""The demonstration's part on every facility that its script does not name, by its example events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local import demo_script
from local.demo_script import JSON
from local.demo_steps import Run
from local.examples import Example

# Facilities whose own clocks or rules refuse the examples' target: it is up tonight, or Swift has had it.
_UP_TONIGHT = ("soar", "lt")


@dataclass
class Other:
    """One facility's example, and how it stands."""

    example: Example
    body: JSON
    latest: JSON
    ms: float = 0.0

    @property
    def facility(self) -> str:
        """Its id."""
        return self.example.facility

    @property
    def path(self) -> str:
        """The facility's part of the API."""
        return f"/facilities/{self.facility}"

    @property
    def key(self) -> str:
        """The idempotency key."""
        return f"demo-{self.facility}-example"


def submit_examples(run: Run, examples: dict[str, Example], now: datetime) -> list[Other]:
    """An allocation and a request at each; the same call again is answered, and not sent."""
    known = {plan.facility for plan in run.plans}
    run.console.step(
        f"The other {len(examples) - len(known)} facilities, each by its example, each in its own protocol"
    )
    others = []
    for facility, example in examples.items():
        if facility not in known:
            other = Other(example, _body(example, now), {})
            _submit(run, other)
            others.append(other)
    return others


def look_at(run: Run, others: list[Other]) -> None:
    """How they go, some time later."""
    for other in others:
        request = run.api.quiet("GET", f"{other.path}/requests/{other.latest['id']}")
        run.console.item("", f"{other.facility}: {request['status_text']}", 1)
        run.checks.that(
            f"status of {other.facility}",
            request["status"] in ("submitted", "in_progress", "complete"),
            f"expected it to go on, came {request['status_text']}",
        )
        other.latest = request


def secrets_of(others: list[Other]) -> set[str]:
    """Every credential in the examples' allocations."""
    return {
        secret
        for other in others
        for name, secret in other.example.allocation["altdata"].items()
        if isinstance(secret, str) and name in other.latest.get("secret_keys", ()) and len(secret) >= 8
    }


def _body(example: Example, now: datetime) -> JSON:
    body: dict[str, Any] = dict(example.request)
    if example.facility in _UP_TONIGHT:
        body["target"] = demo_script.up_tonight(now)
    return body


def _submit(run: Run, other: Other) -> None:
    made = run.api.shown("POST", f"{other.path}/allocations", 201, other.example.allocation).body
    secret_keys = [name for name, value in made["altdata"].items() if value == "********"]
    answer = run.api.shown("POST", f"{other.path}/requests", 201, other.body, other.key)
    request = answer.body
    other.ms = answer.ms
    other.latest = {**request, "secret_keys": secret_keys}
    run.checks.equal(f"status of {other.facility}", request["status"], "submitted")
    exchanges = run.api.quiet("GET", f"/requests/{request['id']}/transactions")["transactions"]
    for exchange in exchanges[-2:]:
        run.console.item("sent", f"{exchange['method']} {exchange['url']}", 1)
        run.console.item("", exchange["request_body"] or "-", 2)
    run.console.item("request", f"{request['id']}: {request['status_text']}", 1)
    again = run.api.shown("POST", f"{other.path}/requests", 200, other.body, other.key).body
    run.checks.equal(f"{other.facility}: id of the repeated call", again["id"], request["id"])
    later = run.api.quiet("GET", f"/requests/{request['id']}/transactions")["transactions"]
    run.checks.equal(f"{other.facility}: exchanges after the repetition", len(later), len(exchanges))
