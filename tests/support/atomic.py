"""A store that is truly atomic: moto behind one lock, over HTTP, as the local stack has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
import requests
from botocore.config import Config
from werkzeug.serving import make_server

from local import resources, template
from local.aws import SerialApplication
from slew import aws, redact, vault
from tests.conftest import ROOT


@contextmanager
def atomic_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The template's table and bucket; gives the endpoint."""
    server = make_server("127.0.0.1", 0, SerialApplication(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLEW_CLOCK_FILE", raising=False)
    requests.post(f"{endpoint}/moto-api/reset", timeout=30)
    system = template.load(ROOT / "template.yaml", {}, endpoint)
    resources.create(system, lambda service: boto3.client(service))  # type: ignore[call-overload]
    monkeypatch.setenv("SLEW_TABLE", system.tables[0].name)
    monkeypatch.setenv("SLEW_BUCKET", system.buckets[0])
    patient = aws._CONFIG.merge(Config(read_timeout=120))  # fifty at once queue for the one lock
    monkeypatch.setattr(aws, "_CONFIG", patient)
    aws.client.cache_clear()
    vault._cache.clear()
    redact.use(redact.Redactor())
    yield endpoint
    server.shutdown()
    thread.join()
    aws.client.cache_clear()
    vault._cache.clear()
