"""What is known of a request's templates: which have been taken, refused, or may be on their way.

It is kept as the request's facility data after every step, so that a crash or a time-out loses nothing:

- `observations`: the new observation's id by template.
- `refused`: why not, by template, in Gemini's words.
- `asking`: the one trigger that has left, or may have, without an answer; None once it is settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slew import clock


@dataclass(frozen=True)
class Asking:
    """A trigger under way: when it was sent, and the observation numbers there were (None: not known)."""

    template: str
    at: datetime
    before: frozenset[int] | None

    def as_data(self) -> dict[str, Any]:
        """The form that is kept."""
        before = None if self.before is None else ranges(self.before)
        return {"template": self.template, "at": clock.isoformat(self.at), "before": before}


@dataclass
class Ledger:
    """The templates of one request."""

    observations: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    asking: Asking | None = None
    known: bool = False
    """Whether anything had been kept."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Ledger:
        """From a request's facility data."""
        asking = data.get("asking")
        return cls(
            dict(data.get("observations") or {}),
            dict(data.get("refused") or {}),
            _asking(asking) if isinstance(asking, Mapping) else None,
            known="asking" in data,
        )

    def as_data(self) -> dict[str, Any]:
        """The form that is kept."""
        return {
            "observations": dict(self.observations),
            "refused": dict(self.refused),
            "asking": self.asking.as_data() if self.asking else None,
        }

    def left(self, templates: Iterable[str]) -> tuple[str, ...]:
        """The templates that have not been taken."""
        return tuple(template for template in templates if template not in self.observations)

    def took(self, template: str, observation_id: str) -> None:
        """A template was cloned."""
        self.observations[template] = observation_id
        self.refused.pop(template, None)
        self.asking = None

    def refuse(self, template: str, reason: str) -> None:
        """A template certainly was not cloned."""
        self.refused[template] = reason
        self.asking = None


def number_of(observation_id: str) -> int | None:
    """The number at the end of an observation's id; None where there is none."""
    last = observation_id.rpartition("-")[2]
    return int(last) if last.isascii() and last.isdigit() and len(last) <= 10 else None


def ranges(numbers: Iterable[int]) -> str:
    """`1-39,41` for the numbers 1 to 39 and 41: a programme may have hundreds."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in found)


def from_ranges(text: str) -> frozenset[int]:
    """The numbers that `ranges` wrote down. Raises ValueError."""
    numbers: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


def _asking(data: Mapping[str, Any]) -> Asking:
    before = data.get("before")
    return Asking(
        str(data["template"]),
        clock.parse(str(data["at"])),
        from_ranges(before) if isinstance(before, str) else None,
    )
