"""A job's products, their states, and what follows for the request (card: Status)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slew.pages import for_people
from slew.status import Status
from swift_xrt import server

COMPLETE, CANCELLED = 4, -4
_WAITING = frozenset({1, 2})
_RUNNING = frozenset({3, 5})
_TEXTS = {
    1: "requested",
    2: "queued",
    3: "running",
    4: "complete",
    5: "waits for the standard position",
    -1: "could not be requested",
    -2: "could not be queued",
    -3: "ran, produced nothing",
    -4: "cancelled",
}


@dataclass(frozen=True)
class State:
    """Where one product stands: the service's code and its text."""

    code: int
    text: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing more will come of it."""
        return self.code == COMPLETE or self.code < 0

    @property
    def shown(self) -> str:
        """The service's text, else what the code stands for."""
        return self.text or _TEXTS.get(self.code, f"status {self.code}")


States = dict[str, State]


def last(products: Iterable[str], data: Mapping[str, Any]) -> States:
    """The states as last kept; a product of which nothing is known yet has been requested."""
    kept = data.get("states")
    known = kept if isinstance(kept, Mapping) else {}
    codes = {product: server.number(known.get(product)) for product in products}
    return {product: State(1 if code is None else code) for product, code in codes.items()}


def updated(states: States, content: Mapping[str, Any]) -> States:
    """The states after a status answer; what it leaves out, or does not tell legibly, stays as it was."""
    return {product: _state(content.get(product)) or state for product, state in states.items()}


def status(states: States) -> Status:
    """The request's status by those of its products."""
    codes = {state.code for state in states.values()}
    if all(state.finished for state in states.values()):
        if COMPLETE in codes:
            return Status.COMPLETE
        return Status.CANCELLED if codes == {CANCELLED} else Status.FAILED
    return Status.SUBMITTED if codes <= _WAITING else Status.IN_PROGRESS


def text(states: States) -> str:
    """One line on all products."""
    return "; ".join(f"{product}: {state.shown}" for product, state in states.items())


def failures(states: States) -> str:
    """One line on the products that will not come, empty where there is none."""
    return "; ".join(f"{product}: {state.shown}" for product, state in states.items() if state.code < 0)


def codes(states: States) -> dict[str, int]:
    """The states as they are kept with the request."""
    return {product: state.code for product, state in states.items()}


def _state(found: Any) -> State | None:
    if not isinstance(found, Mapping):
        return None
    code = server.number(found.get("statusCode"))
    if code is None or not (code < 0 or code in _WAITING | _RUNNING | {COMPLETE}):
        return None
    told = for_people(str(found.get("statusText") or ""), 200)
    step = _active_step(found.get("progress")) if code in _RUNNING else ""
    return State(code, f"{told} ({step})" if step else told)


def _active_step(progress: Any) -> str:
    if not isinstance(progress, Mapping) or server.number(progress.get("GotProgress")) != 1:
        return ""
    active = [
        " ".join(filter(None, (str(step.get("StepLabel") or ""), str(step.get("StepExtra") or ""))))
        for step in _steps(progress.get("ProgressSteps"))
        if server.number(step.get("StepStatus")) == 1
    ]
    return for_people(active[-1], 200) if active else ""


def _steps(listed: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """All steps, those within others too."""
    if isinstance(listed, list) and depth < 5:
        for step in listed:
            if isinstance(step, Mapping):
                yield step
                yield from _steps(step.get("SubStep"), depth + 1)
