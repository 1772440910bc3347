"""Who is registered, and what may be set (card swift_xrt.md, Simulator)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from local.simulators.base import JSON

USER, OTHER_USER = "observer1@example.org", "observer2@example.org"
UNSEEN = (12.5, -75.25)
"""A field that Swift never saw: RA, Dec in degrees."""

SPECTRA = ("fit", "nofit", "nospec", "nospectrum")


@dataclass
class Settings:
    """What `POST /_config` changes.

    - `users`: registered addresses. `max_jobs`: active jobs of a user above which a submission is refused.
    - `queued_s`, `starts_s`, `runs_s`: when a product is queued and started (since submission) and how long
      it runs, s.
    - `outcomes`: by product the code it ends with (`-1`, `-2`, `-3`, `4`, or `5` for one that never stops
      waiting), of jobs submitted from then on.
    - `no_position`: positions that are complete but not found. `spectrum`: one of `SPECTRA`.
    - `unseen`: `[[ra, dec]]` beside the seeded field. `keep_days`: after which products are gone.
    - `api_version`, `deprecation` (`{"type", "message"}`): what the answers carry.
    """

    users: list[str] = field(default_factory=lambda: [USER, OTHER_USER])
    max_jobs: int = 20
    queued_s: float = 5.0
    starts_s: float = 60.0
    runs_s: float = 240.0
    outcomes: dict[str, int] = field(default_factory=dict)
    no_position: list[str] = field(default_factory=list)
    spectrum: str = "fit"
    unseen: list[list[float]] = field(default_factory=lambda: [list(UNSEEN)])
    keep_days: float = 90.0
    api_version: Any = "1.12"
    deprecation: JSON | None = None

    def change(self, wanted: JSON) -> str:
        """Set what is named; returns what is wrong with it, if anything is."""
        known = {each.name for each in fields(self)}
        if unknown := set(wanted) - known:
            return f"unknown: {', '.join(sorted(unknown))}"
        if wanted.get("spectrum", "fit") not in SPECTRA:
            return f"spectrum must be one of {', '.join(SPECTRA)}"
        for name, value in wanted.items():
            setattr(self, name, value)
        return ""
