"""Fixtures of the channels' tests: queues that are worked off by hand, Slack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.simulators.slack import SlackServer
from tests.notices import SLACK, Queue, addressee, queues


@pytest.fixture
def queue_of(
    embedded_aws: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str], Queue]]:
    with queues(embedded_aws, monkeypatch, tmp_path) as make:
        yield make


@pytest.fixture
def slack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    simulator = SlackServer()
    monkeypatch.setenv("SLEW_SLACK_URL", simulator.start())
    yield simulator
    simulator.stop()


@pytest.fixture
def slack(queue_of: Callable[[str], Queue], embedded_aws: Any) -> Queue:
    addressee(embedded_aws, SLACK)
    return queue_of("slack")
