"""What the console prints: never wider than it is, nothing but text in a pipe, cuts that say so."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from local.console import Console, abridged

LONG = "exposure " * 60


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def everything(stream: io.StringIO, **environment: str) -> str:
    """All kinds of output, with texts longer than a line."""
    console = Console(stream, environment)
    console.title("Title")
    console.paragraph(LONG, "  ")
    console.step(LONG)
    console.begin(LONG)
    console.end("201     12 ms")
    console.item("body", {"comment": LONG, "requests": [{"a": n} for n in range(40)]})
    console.item("url", "https://example.org/" + "x" * 300, 2)
    console.quote(f"Payload\n  a: {LONG}\n\n{'y' * 250}")
    console.table(("facility", "ms"), [("lco", "12"), ("z" * 200, "1")], right=(1,))
    console.failure(LONG)
    return stream.getvalue()


def test_no_line_is_wider_than_100_characters() -> None:
    lines = everything(io.StringIO()).splitlines()
    assert max(map(len, lines)) <= 100
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize(("environment", "styled"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_styles_only_on_a_terminal_that_wants_them(environment: dict[str, str], styled: bool) -> None:
    assert ("\x1b[" in everything(Terminal(), **environment)) == styled


def test_what_was_printed_is_remembered_without_styles() -> None:
    stream = Terminal()
    console = Console(stream, {})
    console.title("Title")
    assert console.printed == "Title\n"
    assert stream.getvalue() == "\x1b[1mTitle\x1b[0m\n"


def test_a_call_shows_before_its_outcome() -> None:
    stream = io.StringIO()
    console = Console(stream, {})
    console.begin("GET /facilities")
    assert stream.getvalue() == "   GET /facilities"
    console.end("200      3 ms")
    assert stream.getvalue().endswith("  200      3 ms\n")
    assert len(stream.getvalue()) == 101


def test_a_call_without_an_outcome_is_closed_once() -> None:
    stream = io.StringIO()
    console = Console(stream, {})
    console.begin("GET /facilities")
    console.abandon()
    console.abandon()
    assert stream.getvalue().count("no answer") == 1


def test_a_cut_value_tells_its_whole_length() -> None:
    value = {"requests": [{"filter": name} for name in ("gp", "rp", "ip")], "note": "x" * 500}
    stream = io.StringIO()
    Console(stream, {}).item("body", value, 1)
    assert stream.getvalue().endswith(f"... ({len(json.dumps(value))} characters)\n")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([{"a": 1}, {"a": 2}, {"a": 3}], [{"a": 1}, "... and 2 more"]),
        (["gp", "rp"], ["gp", "rp"]),
        ([{"a": 1}], [{"a": 1}]),
        ({"windows": [], "state": "PENDING"}, {"state": "PENDING", "windows": []}),
        ("x" * 100, "x" * 72 + "... (100 characters)"),
        (None, None),
    ],
)
def test_excerpts_of_json(value: Any, shown: Any) -> None:
    assert json.dumps(abridged(value)) == json.dumps(shown)
