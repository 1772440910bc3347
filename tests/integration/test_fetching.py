"""Files that break off, are too large, or come otherwise than asked for."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import requests

from local.simulators.base import Fault
from slew import clock, config, fetching, objects, retrieval
from slew.facility import Progress
from slew.status import Status
from tests.integration.test_plans import call, server
from tests.integration.test_retrieval import later, products, request_id, tick
from tests.support.survey import Survey, SurveyServer

__all__ = ["call", "later", "request_id", "server"]


def test_a_file_is_taken_up_where_it_broke_off(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) * (12 * 4096)  # 12 MiB in parts of 5
    server.files["image.fits"] = content
    monkeypatch.setattr(fetching, "PART", 5 * 1024 * 1024)
    later(400)
    real, moments = fetching.fetch, iter([True, False])  # the time is up after the image's first part

    def short_of_time(http: Any, request: Any, product: Any, begun: Any, key: str, ends_at: float) -> Any:
        ends_at = ends_at if next(moments, True) else clock.timestamp() - 1
        return real(http, request, product, begun, key, ends_at)

    monkeypatch.setattr(fetching, "fetch", short_of_time)
    tick()
    assert products(request_id)["image.fits"]["state"] == "waiting"
    monkeypatch.setattr(fetching, "fetch", real)
    later(5)
    tick()
    image = products(request_id)["image.fits"]
    assert image["state"] == "fetched"
    assert image["sha256"] == hashlib.sha256(content).hexdigest()
    assert image["size"] == len(content)
    assert [asked for name, asked in server.served if name == "image.fits"] == [None, "bytes=5242880-"]


def test_a_connection_that_breaks_costs_only_the_part_under_way(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) * (16 * 4096)  # 16 MiB in parts of 5
    server.files["image.fits"] = content
    server.breaks["image.fits"] = 12 * 1024 * 1024
    monkeypatch.setattr(fetching, "PART", 5 * 1024 * 1024)
    later(400)
    tick()
    image = products(request_id)["image.fits"]
    assert image["state"] == "waiting"
    assert "no answer" in image["error"]
    later(100)
    tick()
    image = products(request_id)["image.fits"]
    assert image["state"] == "fetched"
    assert image["sha256"] == hashlib.sha256(content).hexdigest()
    assert [asked for name, asked in server.served if name == "image.fits"] == [None, "bytes=10485760-"]
    assert unfinished_uploads() == 0


def test_a_file_that_cannot_be_resumed_is_given_up_after_some_tries(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["image.fits"] = bytes(20 * 1024 * 1024)
    server.weak = True
    monkeypatch.setattr(fetching, "PART", 5 * 1024 * 1024)
    monkeypatch.setattr(retrieval, "ATTEMPTS", 8)
    for number in range(12):
        server.breaks["image.fits"] = (6 + 5 * (number % 2)) * 1024 * 1024
        later(7 * 3600)
        tick()
    assert products(request_id)["image.fits"]["state"] == "failed"
    assert [asked for name, asked in server.served if name == "image.fits"] == [None] * 8


def test_a_part_that_was_not_asked_for_is_not_joined(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) * (12 * 4096)
    server.files["image.fits"] = content
    server.breaks["image.fits"] = 7 * 1024 * 1024
    server.shifts = 100
    monkeypatch.setattr(fetching, "PART", 5 * 1024 * 1024)
    later(400)
    tick()
    later(100)
    tick()
    assert "another part" in products(request_id)["image.fits"]["error"]
    later(1000)
    tick()
    assert products(request_id)["image.fits"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert [asked for name, asked in server.served if name == "image.fits"] == [None, "bytes=5242880-", None]
    assert unfinished_uploads() == 0


def test_a_file_over_the_limit_leaves_no_parts_behind(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART", 5 * 1024 * 1024)
    monkeypatch.setattr(config, "product_limit", lambda: 6 * 1024 * 1024)
    monkeypatch.setattr(fetching, "_length", lambda stream: 0)  # as of a server that names no length
    server.files["image.fits"] = b"a" * (11 * 1024 * 1024)
    later(400)
    tick()
    assert products(request_id)["image.fits"]["error"].startswith("over the limit")
    assert unfinished_uploads() == 0


def unfinished_uploads() -> int:
    return len(objects.client().list_multipart_uploads(Bucket=config.bucket()).get("Uploads", []))


def test_another_file_under_the_name_is_not_joined_to_the_first_part(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PART", 5 * 1024 * 1024)
    server.files["image.fits"] = b"a" * (11 * 1024 * 1024)
    later(400)
    real, moments = fetching.fetch, iter([True, False])

    def short_of_time(http: Any, request: Any, product: Any, begun: Any, key: str, ends_at: float) -> Any:
        ends_at = ends_at if next(moments, True) else clock.timestamp() - 1
        return real(http, request, product, begun, key, ends_at)

    monkeypatch.setattr(fetching, "fetch", short_of_time)
    tick()
    monkeypatch.setattr(fetching, "fetch", real)
    server.files["image.fits"] = b"b" * 100
    later(5)
    tick()
    image = products(request_id)["image.fits"]
    assert image["sha256"] == hashlib.sha256(b"b" * 100).hexdigest()
    assert image["size"] == 100


def test_a_file_over_the_limit_is_left_where_it_is(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "product_limit", lambda: 1024)
    later(400)
    tick()
    image = products(request_id)["image.fits"]
    assert image["state"] == "failed"
    assert image["error"].startswith("over the limit")
    assert objects.get(f"products/survey/{request_id}/image.fits", 10**9) is None


def test_a_file_that_dribbles_is_broken_off(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "GRACE_S", 0.2)
    server.faults.append(Fault("drip", path="/files/image.fits", seconds=0.05))
    later(400)
    real = fetching.fetch

    def at_the_last_moment(
        http: Any, request: Any, product: Any, begun: Any, key: str, ends_at: float
    ) -> Any:
        return real(http, request, product, begun, key, clock.timestamp())

    monkeypatch.setattr(fetching, "fetch", at_the_last_moment)
    tick()
    image = products(request_id)["image.fits"]
    assert image["state"] == "waiting"
    assert "no answer" in image["error"]


def test_a_header_that_contradicts_the_product_means_that_it_is_not_there_yet(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled = Survey.poll

    def poll(*args: Any) -> Progress:
        progress = polled(*args)
        expected = {"expected_headers": {"missing-images": "0"}}
        return replace(progress, products=tuple({**each, **expected} for each in progress.products or ()))

    monkeypatch.setattr(Survey, "poll", poll)
    server.headers = {"Missing-Images": "1"}
    later(400)
    tick()
    image = products(request_id)["image.fits"]
    assert (image["state"], image["error"]) == (
        "waiting",
        "the facility says missing-images: 1 in place of 0",
    )
    server.headers = {"Missing-Images": "0"}
    later(100)
    tick()
    assert {each["state"] for each in products(request_id).values()} == {"fetched"}


def test_names_that_are_alike_in_the_bucket_are_told_apart(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("a b.fits", "a_b.fits", "a/b.fits", "../a b.fits")
    server.files |= {f"{number}.fits": name.encode() for number, name in enumerate(names)}

    def poll(*_: Any) -> Progress:
        found = tuple(
            {"name": name, "kind": "image", "url": f"{server.url}/files/{number}.fits"}
            for number, name in enumerate(names)
        )
        return Progress(Status.COMPLETE, products=found, next_poll_s=None)

    monkeypatch.setattr(Survey, "poll", poll)
    later(400)
    tick()
    found = products(request_id)
    assert set(found) == set(names)
    for name in names:
        assert requests.get(found[name]["link"], timeout=10).content == name.encode()
