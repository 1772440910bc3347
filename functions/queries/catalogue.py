"""The facility catalogue, as `make generate` has written it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "catalogue.json"


@cache
def entries() -> list[dict[str, Any]]:
    """One entry a facility."""
    found: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["facilities"]
    return found


def entry(facility: str) -> dict[str, Any] | None:
    """A facility's entry; None where there is no such facility."""
    return next((each for each in entries() if each["id"] == facility), None)
