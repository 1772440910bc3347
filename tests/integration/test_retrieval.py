"""Products: fetched once, whole, checked, taken up again where they broke off; their measurements read."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
from dataclasses import replace
from typing import Any

import pytest
import requests
from astropy.table import Table

from local.simulators.base import Fault
from queries import catalogue
from queries.app import handler as queries
from slew import clock, fetching, retrieval, tracking
from slew.photometry import PartlyRead
from slew.wire import HttpRequest
from slew.work import Desk
from tests.integration.test_plans import URL, call, plan, server
from tests.support.calls import Client
from tests.support.survey import IMAGE, Survey, SurveyServer

__all__ = ["call", "server"]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the library's clock."""
    offset = [0.0]

    def advance(seconds: float) -> None:
        offset[0] += seconds

    monkeypatch.setattr(clock, "_offset", lambda: offset[0])
    return advance


@pytest.fixture
def request_id(call: Client) -> str:
    made: str = call("POST", f"{URL}/requests", plan(1)).json["id"]
    return made


def tick(seconds: float = 90.0) -> dict[str, int]:
    return tracking.tick(Desk(Survey(), clock.timestamp() + seconds))


def products(request_id: str) -> dict[str, dict[str, Any]]:
    found = Client(queries)("GET", f"/requests/{request_id}/products").json["products"]
    return {each["name"]: each for each in found}


def test_a_poll_that_finds_products_fetches_them(
    call: Client, server: SurveyServer, request_id: str, later: Any
) -> None:
    later(400)
    assert tick() == {"looked_at": 1, "failed": 0}
    image = products(request_id)["image.fits"]
    assert image["state"] == "fetched"
    assert image["sha256"] == hashlib.sha256(IMAGE).hexdigest()
    assert image["size"] == len(IMAGE)
    assert requests.get(image["link"], timeout=10).content == IMAGE
    assert call("GET", f"{URL}/requests/{request_id}").json["status"] == "complete"
    later(86400)
    assert tick()["looked_at"] == 0
    assert [name for name, _ in server.served] == ["lc.txt", "image.fits"]


def test_what_has_been_fetched_is_not_fetched_again(
    call: Client, server: SurveyServer, request_id: str, later: Any
) -> None:
    later(400)
    tick()
    call("POST", f"{URL}/requests/{request_id}/refresh")
    assert len(server.served) == 2


def test_one_product_that_fails_does_not_spoil_the_others_and_is_tried_again(
    server: SurveyServer, request_id: str, later: Any
) -> None:
    image = server.files.pop("image.fits")
    later(400)
    tick()
    found = products(request_id)
    assert found["lc.txt"]["state"] == "fetched"
    assert found["image.fits"]["state"] == "waiting"
    assert "HTTP 404" in found["image.fits"]["error"]
    server.files["image.fits"] = image
    later(100)
    tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"
    assert [name for name, _ in server.served] == ["lc.txt", "image.fits", "image.fits"]


def test_a_product_that_never_comes_is_given_up(server: SurveyServer, request_id: str, later: Any) -> None:
    del server.files["image.fits"]
    for _ in range(retrieval.ATTEMPTS + 4):
        later(7 * 3600)
        tick()
    image = products(request_id)["image.fits"]
    assert image["state"] == "failed"
    assert image["error"].startswith(f"given up after {retrieval.ATTEMPTS} attempts")
    assert len(server.served) == retrieval.ATTEMPTS + 1


def test_an_outage_of_two_days_is_survived(server: SurveyServer, request_id: str, later: Any) -> None:
    image = server.files.pop("image.fits")
    for _ in range(48):
        later(3600)
        tick()
    assert products(request_id)["image.fits"]["state"] == "waiting"
    server.files["image.fits"] = image
    for _ in range(7):
        later(3600)
        tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"


@pytest.fixture
def given_up(server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The content of `image.fits`, which is not there and has been given up."""
    monkeypatch.setattr(retrieval, "ATTEMPTS", 2)
    image = server.files.pop("image.fits")
    for _ in range(3):
        later(400)
        tick()
    assert products(request_id)["image.fits"]["state"] == "failed"
    return image


def test_a_refresh_takes_up_what_was_given_up(
    call: Client, server: SurveyServer, request_id: str, later: Any, given_up: bytes
) -> None:
    call("POST", f"{URL}/requests/{request_id}/refresh")
    assert products(request_id)["image.fits"]["state"] == "waiting"
    server.files["image.fits"] = given_up
    later(400)
    tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"


def test_a_refresh_without_time_leaves_what_was_given_up_to_the_schedule(
    call: Client, server: SurveyServer, request_id: str, given_up: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["image.fits"] = given_up
    monkeypatch.setattr(tracking, "_REFRESH_FETCH_S", 0.0)
    call("POST", f"{URL}/requests/{request_id}/refresh")
    assert products(request_id)["image.fits"]["state"] == "waiting"
    tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"


def test_a_download_waits_as_long_as_it_is_told(server: SurveyServer, request_id: str, later: Any) -> None:
    busy = Fault("status", "GET", "/files/image.fits", status=503, headers={"Retry-After": "7200"})
    server.faults.append(busy)
    later(400)
    tick()
    later(7100)
    tick()
    assert products(request_id)["image.fits"]["state"] == "waiting"
    later(200)
    tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"


def test_a_crash_while_fetching_does_not_end_it(
    call: Client, server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(400)

    class Crash(BaseException):
        pass

    def dies(*args: Any) -> Any:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(fetching, "fetch", dies)
        with pytest.raises(Crash):
            tick()
    later(100)  # the lease runs out, and the next tick takes over
    tick()
    later(100)
    tick()
    assert products(request_id)["image.fits"]["state"] == "fetched"
    assert call("GET", f"{URL}/requests/{request_id}").json["status"] == "complete"


@pytest.mark.parametrize("error", [KeyError("mjd"), ZeroDivisionError(), RecursionError()])
def test_measurements_that_break_the_reader_spoil_nothing_else(
    call: Client,
    server: SurveyServer,
    request_id: str,
    later: Any,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def breaks(*args: Any) -> Any:
        raise error

    monkeypatch.setattr(Survey, "photometry", breaks)
    later(400)
    tick()
    found = products(request_id)
    assert found["lc.txt"]["state"] == found["image.fits"]["state"] == "fetched"
    assert found["lc.txt"]["error"].startswith("its measurements cannot be read")
    assert call("GET", f"{URL}/requests/{request_id}").json["status"] == "complete"


def test_measurements_too_large_to_read_spoil_nothing_else(
    call: Client, server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "_ROWS_LIMIT", 10)
    later(400)
    tick()
    found = products(request_id)
    assert "it is over" in found["lc.txt"]["error"]
    assert found["image.fits"]["state"] == "fetched"
    assert call("GET", f"{URL}/requests/{request_id}").json["status"] == "complete"


def test_measurements_as_json_csv_ecsv_and_for_skyportal(
    server: SurveyServer, request_id: str, later: Any
) -> None:
    later(400)
    tick()
    call = Client(queries)
    url = f"/requests/{request_id}/photometry"
    whole = call("GET", url).json
    assert [(row["mjd"], row["flux"], row["flags"]) for row in whole["rows"]] == [
        (60000.5, 10.0, []),
        (60001.5, -2.0, ["faint"]),
    ]
    assert (whole["left_out"], whole["unread"]) == (0, [])
    assert (whole["units"]["flux"], whole["units"]["flux_err"]) == ("uJy", "uJy")
    rows = list(csv.DictReader(io.StringIO(call("GET", f"{url}?format=csv").text)))
    assert [(row["mjd"], row["flags"], row["mag"]) for row in rows] == [
        ("60000.5", "", ""),
        ("60001.5", "faint", ""),
    ]
    table = Table.read(call("GET", f"{url}?format=ecsv").text, format="ascii.ecsv")
    assert str(table["flux"].unit) == "uJy"
    assert list(table["flux"]) == [10.0, -2.0]
    assert table["mag"].mask.all()
    told = call("GET", f"{url}?format=skyportal&instrument_id=3").json
    assert told["instrument_id"] == 3
    assert (told["flux"], told["fluxerr"], told["zp"]) == ([10.0, -2.0], [1.0, 1.0], [23.9, 23.9])


def test_the_facilitys_columns_have_the_units_that_it_declares(
    request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Survey.photometry
    monkeypatch.setattr(
        Survey, "photometry", lambda *args: [replace(row, extra={"depth": 20.5}) for row in read(*args)]
    )
    monkeypatch.setattr(catalogue, "entries", lambda: [{"id": "survey", "units": {"depth": "mag"}}])
    later(400)
    tick()
    url = f"/requests/{request_id}/photometry"
    assert Client(queries)("GET", url).json["units"]["depth"] == "mag"
    table = Table.read(Client(queries)("GET", f"{url}?format=ecsv").text, format="ascii.ecsv")
    assert str(table["depth"].unit) == "mag"


def test_lines_that_cannot_be_read_are_told_with_the_rows(
    request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Survey.photometry
    fault = "1 of its lines cannot be read: line 3: flux is missing"

    def partly(*args: Any) -> Any:
        raise PartlyRead(read(*args), ["line 3: flux is missing"])

    monkeypatch.setattr(Survey, "photometry", partly)
    later(400)
    tick()
    found = products(request_id)["lc.txt"]
    assert (found["state"], found["rows"], found["error"]) == ("fetched", 2, fault)
    url = f"/requests/{request_id}/photometry"
    whole = Client(queries)("GET", url).json
    assert (len(whole["rows"]), whole["unread"]) == (2, [f"lc.txt: {fault}"])
    table = Table.read(Client(queries)("GET", f"{url}?format=ecsv").text, format="ascii.ecsv")
    assert (len(table), table.meta["unread"]) == (2, f"lc.txt: {fault}")


def test_years_of_measurements_have_room_in_an_answer(
    server: SurveyServer, request_id: str, later: Any
) -> None:
    server.files["lc.txt"] = "".join(f"{50000 + i / 10} {i % 7 - 3} 1\n" for i in range(40_000)).encode()
    later(400)
    tick()
    call, url = Client(queries), f"/requests/{request_id}/photometry"
    refused = call("GET", url)
    assert refused.status == 413
    assert "Accept-Encoding" in refused.json["detail"]
    packed = call("GET", url, headers={"Accept-Encoding": "gzip, deflate"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.text) < 5_000_000
    assert len(json.loads(gzip.decompress(base64.b64decode(packed.text)))["rows"]) == 40_000
    assert len(call("GET", f"{url}?format=csv").text.splitlines()) == 40_001
    cut = call("GET", f"{url}?since=53000&until=53001")
    assert (cut.status, len(cut.json["rows"]), cut.headers["Slew-Left-Out"]) == (200, 11, "39989")


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("min_snr=5", [60000.5]),
        ("unflagged=true", [60000.5]),
        ("since=60001", [60001.5]),
        ("until=60001", [60000.5]),
        ("filters=r,i", []),
        ("filters=g", [60000.5, 60001.5]),
    ],
)
def test_cuts_are_those_asked_for(request_id: str, later: Any, query: str, left: list[float]) -> None:
    later(400)
    tick()
    found = Client(queries)("GET", f"/requests/{request_id}/photometry?{query}").json
    assert [row["mjd"] for row in found["rows"]] == left
    assert found["left_out"] == 2 - len(left)


@pytest.mark.parametrize(
    "query",
    [
        *("min_snr=x", "since=nan", "format=fits", "unflagged=1", "since=2&until=1"),
        *("instrument_id=-1", "instrument_id=abc", "instrument_id=abc&format=skyportal"),
    ],
)
def test_a_cut_that_is_none_is_refused(request_id: str, query: str) -> None:
    assert Client(queries)("GET", f"/requests/{request_id}/photometry?{query}").status == 422


def test_a_link_to_a_host_inside_is_not_followed(
    server: SurveyServer, request_id: str, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = SurveyServer()
    url = inside.start()
    monkeypatch.setattr(Survey, "download", lambda *_: HttpRequest("GET", f"{url}/files/image.fits"))
    later(400)
    tick()
    inside.stop()
    assert inside.served == []
    assert "must be https" in products(request_id)["image.fits"]["error"]
