"""The library knows no facility: adding one touches nothing in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local import catalogue

LIBRARY = Path(__file__).parents[2] / "layers" / "slew" / "slew"
# Slack is also how people are told, and generic is a word.
NAMES = sorted({facility.id for facility in catalogue.facilities()} - {"slack", "generic"})
SHORT = re.compile(r"ztf|swift|atlas|muscat|sinistro|kowalski")


@pytest.mark.parametrize("name", NAMES)
def test_no_facility_is_named(name: str) -> None:
    # `lt` is also how pydantic says less than: `lt=360`.
    word = re.compile(rf"(?<![A-Za-z&]){re.escape(name)}(?![A-Za-z=;])", re.IGNORECASE)
    found = {path.name for path in LIBRARY.rglob("*.py") if word.search(path.read_text(encoding="utf-8"))}
    assert found == set()


def test_no_instrument_or_survey_is_named() -> None:
    found = {path.name for path in LIBRARY.rglob("*.py") if SHORT.search(path.read_text().lower())}
    assert found == set()
