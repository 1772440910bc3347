"""Every function starts as a real Lambda runtime process and answers each of its example events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack

ROOT = Path(__file__).parent.parent.parent
EVENTS = sorted(
    (ROOT / "events").glob("*.json"), key=lambda path: (path.stem.partition("-")[2] != "allocation", path)
)
NOTHING_THERE = {"plots-photometry"}  # a request of an example's id is nowhere
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("events")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(workdir=tmp_path_factory.mktemp("stack")) as stack:
        yield stack


def logical_id(path: Path) -> str:
    return "".join(part.capitalize() for part in path.stem.partition("-")[0].split("_")) + "Function"


def test_every_function_has_an_event(stack: Stack) -> None:
    assert {function.name for function in stack.system.functions} == {logical_id(path) for path in EVENTS}


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_is_answered(stack: Stack, path: Path) -> None:
    event = json.loads(path.read_text(encoding="utf-8"))
    answer: Any = stack.invoke(logical_id(path), event)
    if "requestContext" in event and event.get("type") != "REQUEST":
        assert answer["statusCode"] < 300 or path.stem in NOTHING_THERE, answer["body"]
        json.loads(answer["body"])
    elif event.get("type") == "REQUEST":
        assert answer["isAuthorized"] is True
    elif event.get("action") == "poll":
        assert answer["failed"] == 0
    else:
        assert answer["batchItemFailures"] == []
