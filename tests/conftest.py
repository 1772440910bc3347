"""What the tests share: an embedded AWS in the test's own process, made from the template."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
from hypothesis import HealthCheck, settings

from local import resources, template
from slew import aws, objects, redact, vault
from tests.support import output

ROOT = Path(__file__).parent.parent

# A busy machine is no failure: speed is for benchmarks. In CI, hypothesis tries the same each time.
settings.register_profile(
    "slew",
    settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("slew")
output.listen()


def pytest_runtest_setup() -> None:
    """A test answers for its own secrets."""
    output.told.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose own output has a secret."""
    report = yield
    if report.when == "teardown" and (complaint := output.complaint(report.sections, output.told)):
        report.outcome, report.longrepr, report.sections = "failed", complaint, []
    return report


@pytest.fixture
def embedded_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The template's table, topic, queues and bucket in moto; gives the function that makes clients."""
    with embedded(monkeypatch) as client:
        yield client


@contextmanager
def embedded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What `embedded_aws` gives; for fixtures that live longer than a test."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SLEW_TABLE": "",
        "POWERTOOLS_METRICS_NAMESPACE": "Slew",
        "POWERTOOLS_SERVICE_NAME": "test",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("SLEW_CLOCK_FILE", raising=False)
    with moto.mock_aws():
        system = template.load(ROOT / "template.yaml", {}, "http://localhost")
        resources.create(system, lambda service: boto3.client(service))  # type: ignore[call-overload]
        monkeypatch.setenv("SLEW_TABLE", system.tables[0].name)
        monkeypatch.setenv("SLEW_BUCKET", system.buckets[0])
        aws.client.cache_clear()
        objects._signer.cache_clear()
        vault._cache.clear()
        redact.use(redact.Redactor())
        yield aws.client
    aws.client.cache_clear()
    objects._signer.cache_clear()
    vault._cache.clear()
