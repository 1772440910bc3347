"""The scan of what tests write: a secret is found in it, and not told again."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from slew.redact import Redactor
from tests.support import output

SECRET = "kO7-not-to-be-seen"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    output.told.clear()


@pytest.mark.parametrize("form", [SECRET, base64.b64encode(f"observer1:{SECRET}".encode()).decode()])
def test_a_secret_in_the_output_fails_the_test(form: str) -> None:
    Redactor([SECRET])
    said = output.complaint([("Captured stdout call", f"sent {form} away")], output.told)
    assert said.startswith("Captured stdout call: a secret of 18 characters in ")
    assert SECRET not in said


@pytest.mark.parametrize("text", ["", "sent ******** away", SECRET[:-1]])
def test_other_output_is_fine(text: str) -> None:
    Redactor([SECRET, "short", "********", " " * 9])
    assert output.complaint([("Captured stdout call", f"{text} short ********")], output.told) == ""
