"""The portal of the contract tests: marked ``contract`` and ``xdist_group("portal")``, all share one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.bodies import Scene
from tests.contract.portal import install
from tests.contract.portal.server import MAX_FAILURES, Portal

# Enough for a test to fail an observation once or twice and find the request still PENDING.
FAILURE_LIMIT = 3


@pytest.fixture(scope="session")
def portal_packages() -> None:
    """The portal's packages are installed; without a package index the test is skipped, in CI it fails."""
    try:
        install.python()
    except install.Unavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(f"the Observation Portal cannot be installed: {reason}")
        pytest.skip(f"the Observation Portal cannot be installed here: {reason}")


@pytest.fixture(scope="session")
def portal(portal_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that all tests share: nobody may count on its being empty, or reset it."""
    settings = {MAX_FAILURES: str(FAILURE_LIMIT)}
    with Portal(tmp_path_factory.mktemp("portal"), settings) as running:
        yield running


@pytest.fixture
def start_portal(
    portal_packages: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Portal]]:
    """Starts a portal of the test's own (some seconds), with the arguments of Portal but the directory."""
    with ExitStack() as started:

        def start(*arguments: Any, **named: Any) -> Portal:
            directory = tmp_path_factory.mktemp("own-portal")
            return started.enter_context(Portal(directory, *arguments, **named))

        yield start


@pytest.fixture
def scene(portal: Portal) -> Scene:
    """Target and window that the shared portal accepts now."""
    return Scene.at(datetime.now(UTC), portal.semesters[-1].end)
