"""What came of WINTER's schedules, at its simulator: images, alerts, photometry."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.simulators.winter import PROGRAMME
from slew import clock, fetching
from slew.fetching import BrokenOff, Fetch
from slew.status import Status
from tests.integration.winter_bench import FACILITY, HTML, JSON, Bench, benched


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with benched(monkeypatch) as bench:
        yield bench


def test_images_are_listed_and_fetched(bench: Bench) -> None:
    order = bench.submitted()
    bench.submitted(bench.order(target={"name": "ZTF26aaaaaaa"}))
    bench.advance(3600)
    order = bench.submitted(bench.order(filter="Hs"))
    bench.observe(order)
    _, progress = bench.poll(order)
    products = progress.products or ()
    assert [each["kind"] for each in products] == ["image"] * 6 + ["photometry"]
    assert {each["filter"] for each in products} == {"Hs"}
    assert len({each["name"] for each in products}) == 7
    answer = bench.get(order, products[0])
    assert answer.headers["content-type"] == products[0]["content_type"]
    assert (answer.headers["total-images"], answer.headers["missing-images"]) == ("1", "0")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as packed:
        [member] = packed.namelist()
        assert packed.read(member).startswith(b"SIMPLE  =")
    assert member == products[0]["path"].rpartition("/")[2]
    [call] = bench.calls("GET", "/images/download_list")
    assert json.loads(call["body"]) == [{"path": products[0]["path"]}]
    [query] = json.loads(bench.calls("GET", "/images/query")[0]["body"])
    assert query == {
        "program_name": PROGRAMME,
        "start_date": 20261130,
        "end_date": 20261201,
        "image_type": "stack",
        "target_name": "ZTF26aaabcde",
    }


def test_a_zip_without_the_image_is_not_the_image(bench: Bench) -> None:
    order = bench.submitted()
    bench.observe(order)
    product = (bench.poll(order)[1].products or ())[0]
    bench.server.config = replace(bench.server.config, missing=(product["path"].rpartition("/")[2],))
    request, begun = FACILITY.download(order, product, bench.link), Fetch(product["name"], "identity")
    with pytest.raises(BrokenOff, match="missing-images: 1"):
        fetching.fetch(bench.http, request, product, begun, "key", clock.timestamp() + 60)


def test_springs_images_are_asked_for_as_such(bench: Bench) -> None:
    order = bench.submitted(bench.order("spring"))
    bench.observe(order)
    assert [each["image_type"] for each in bench.poll(order)[1].products or ()] == ["stack", "avro"]
    assert {call["query"].rpartition("=")[2] for call in bench.calls("GET", "/images/query")} == {"spring"}


def test_alerts_become_photometry(bench: Bench) -> None:
    order = bench.submitted()
    bench.observe(order)
    products = bench.poll(order)[1].products or ()
    rows = FACILITY.photometry(order, products[-1], bench.get(order, products[-1]).body)
    assert [(row.filter, row.flags) for row in rows] == [("2massj", ("bogus", "negative")), ("2massj", ())]
    assert rows[1].mjd == pytest.approx(61375.2083333, abs=1e-6)
    assert FACILITY.photometry(order, products[0], b"a zip of images") == ()


@pytest.mark.parametrize(
    "fault", [{"status": 502, "body": HTML}, {"status": 400, "body": '{"detail": "no"}'}]
)
def test_images_that_cannot_be_listed_do_not_spoil_the_status(bench: Bench, fault: JSON) -> None:
    order = bench.submitted()
    bench.observe(order)
    bench.fail("status", path="/images", **fault)
    _, progress = bench.poll(order)
    assert (progress.status, progress.products, progress.next_poll_s) == (Status.COMPLETE, None, 3600.0)
    assert "images: " in progress.text
