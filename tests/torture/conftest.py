"""The bench, one a test process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.torture.bench import Bench
from tests.torture.figures import SEED


def pytest_report_header() -> str:
    return f"torture: SLEW_TORTURE_SEED={SEED}"


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(tmp_path_factory.mktemp("torture"), stack)
