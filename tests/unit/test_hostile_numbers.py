"""Numbers that are none, in every numeric field of every facility's payloads: refused, or taken as finite."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local import catalogue, examples
from slew.errors import Invalid
from slew.facility import Facility
from slew.validation import parse, parse_body

LARGEST = 1e308
HOSTILE: tuple[Any, ...] = (
    math.nan,
    math.inf,
    -math.inf,
    "nan",
    "NaN",
    "-Infinity",
    "inf",
    "1e999",
    1e308,
    -1e308,
    10**400,
    -(10**4000),
    "\u0661\u0662",  # digits of another script
    "1_000",
    "0x10",
    True,
    [1],
    {"a": 1},
)


def facilities() -> Iterator[Facility]:
    for path in sorted(catalogue.FUNCTIONS.glob("*/facility.py")):
        try:
            module = importlib.import_module(f"{path.parent.name}.facility")
        except ImportError:
            continue  # being written
        for _, each in inspect.getmembers(module, inspect.isclass):
            if issubclass(each, Facility) and getattr(each, "id", None) == path.parent.name:
                yield each()


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float):
        yield value


@pytest.mark.parametrize("facility", [*facilities()], ids=lambda each: str(each.id))
def test_no_field_takes_what_is_no_number(facility: Facility) -> None:
    path = examples.EVENTS / f"{facility.id}-submit.json"
    if not path.exists():
        pytest.skip("it has no example yet")
    payload = examples.body_of(path)["payload"]
    for instrument, model in facility.payloads.items():
        names = {name for each in _schemas(catalogue.schema(model)) for name in each.get("properties", {})}
        for name in sorted(names):
            for value in HOSTILE:
                try:
                    found = parse(model, {**payload, name: value}, ["payload"]).model_dump()
                except Invalid:
                    continue
                assert all(-LARGEST <= each <= LARGEST for each in numbers(found)), (instrument, name)


def _schemas(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield document
    yield from document.get("$defs", {}).values()


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": -1e400}',
        '{"a": %s}' % ("9" * 5000),
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 60 + "1" + "}" * 60,
        '"\\ud800"',
        '{"\\udfff": 1}',
        "\ufeff{}",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 01}',
        "\x00",
        "{}{}",
        "",
    ],
)
def test_what_is_no_json_to_be_kept_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_body(text)
    assert caught.value.errors[0].loc == ("body",)
