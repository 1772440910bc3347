"""The IPAC facility's light curves: listed, fetched by the shared login, read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.simulators.ztf_forced_photometry import DEMO_EMAIL, DEMO_USERPASS, HTTP_PASSWORD, HTTP_USER
from slew.errors import Rejected
from slew.status import Status
from tests.integration.ztf_forced_photometry_bench import (
    FILES,
    HOUR,
    LIST,
    Bench,
    running,
)
from ztf_forced_photometry.facility import ZtfOrder

JSON = dict[str, Any]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with running(monkeypatch) as bench:
        yield bench


# -- files


def fetch(bench: Bench, order: ZtfOrder, product: Any) -> requests.Response:
    wanted = bench.facility.download(order, product, bench.link)
    return requests.request(wanted.method, wanted.url, headers=dict(wanted.headers), timeout=10)


def test_the_light_curve_is_fetched_and_read(bench: Bench) -> None:
    order = bench.submitted()
    progress = bench.done(order)
    assert progress.products is not None
    curve, log = progress.products
    assert requests.get(curve["url"], timeout=10).status_code == 401
    answer = fetch(bench, order, curve)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain")
    rows = bench.facility.photometry(order, curve, answer.content)
    lines = [line for line in answer.text.splitlines() if line[1:2].isdigit()]
    assert len(rows) == len(lines) > 30
    assert {row.filter for row in rows} == {"ztfg", "ztfr", "ztfi"}
    assert len({row.extra["field"] for row in rows if not row.flags}) == 2
    flags = {flag for row in rows for flag in row.flags}
    assert {"infobitssci", "scisigpix", "duplicate", "procstatus_56", "procstatus_61", "no_flux"} <= flags
    detected = [row.mag for row in rows if row.mag is not None and row.filter == "ztfr" and not row.flags]
    assert min(detected) < 11.5
    assert fetch(bench, order, log).text.startswith("forced photometry of request 315277")
    assert bench.facility.photometry(order, log, b"anything") == ()


def test_a_batch_file_is_read_too(bench: Bench) -> None:
    login = (HTTP_USER, HTTP_PASSWORD)
    form = {"ra": "[210.9106746]", "dec": "[54.3116510]", "jdstart": "2460000.5", "jdend": "2460116.0"}
    form |= {"email": DEMO_EMAIL, "userpass": DEMO_USERPASS}
    requests.post(f"{bench.server.url}/cgi-bin/batchfp.py/submit", data=form, auth=login, timeout=10)
    bench.advance(2 * HOUR)
    [job] = [job for job in requests.get(f"{bench.server.url}/_jobs", timeout=10).json() if job["is_batch"]]
    order = bench.order()
    answer = fetch(bench, order, {"path": job["path"]})
    rows = bench.facility.photometry(order, {"kind": "photometry"}, answer.content)
    assert rows[0].extra["sindex"] == 0
    flags = {flag for row in rows for flag in row.flags}
    assert {"diffimgstatus", "no_flux"} <= flags
    assert all(row.flux is None for row in rows if "no_flux" in row.flags)


def test_a_listed_file_may_be_missing_for_two_hours(bench: Bench) -> None:
    order = bench.submitted()
    bench.configure(files_missing=True)
    bench.advance(HOUR)
    order, progress = bench.poll(order)
    assert (progress.status, progress.products, progress.next_poll_s) == (Status.IN_PROGRESS, None, 600.0)
    bench.advance(2 * HOUR - 1)
    order, progress = bench.poll(order)
    assert progress.status is Status.IN_PROGRESS
    bench.configure(files_missing=False)
    assert bench.poll(order)[1].status is Status.COMPLETE
    bench.configure(files_missing=True)
    bench.advance(1)
    progress = bench.poll(order)[1]
    assert (progress.status, progress.reason) == (Status.FAILED, "light curve file missing")


def test_a_login_that_is_void_at_the_files_is_flagged(bench: Bench) -> None:
    order = bench.submitted()
    bench.advance(HOUR)
    bench.fail("status", path=FILES, status=401)
    progress = bench.poll(order)[1]
    assert progress.status is None
    assert progress.text == "credentials: ipac_http_user / ipac_http_password refused"
    bench.fail("status", path=FILES, status=500)
    assert bench.poll(order)[1].status is Status.COMPLETE


@pytest.mark.parametrize(
    "path",
    [
        "",
        "lc.txt",
        "//evil.example/lc.txt",
        "https://evil.example/lc.txt",
        "/a/../../etc/passwd",
        "/a b",
        "/a?x=1",
    ],
)
def test_nothing_but_a_path_on_the_services_server_is_fetched(bench: Bench, path: str) -> None:
    with pytest.raises(Rejected, match="path"):
        bench.facility.download(bench.order(), {"path": path}, bench.link)


def test_a_table_that_points_elsewhere_is_a_failure(bench: Bench) -> None:
    order = bench.submitted()
    bench.advance(HOUR)
    heads = "".join(f"<th>{name}</th>" for name in ("reqId", "ra", "dec", "startJD", "endJD", "exitcode"))
    cells = "<td>400000</td><td>210.910675</td><td>54.311651</td><td>2460084.5</td><td>2460116</td><td>0</td>"
    table = (
        f"<table><tr>{heads}<th>lightcurve</th></tr><tr>{cells}<td>//evil.example/x_lc.txt</td></tr></table>"
    )
    bench.fail("status", path=LIST, status=200, body=table)
    progress = bench.poll(order)[1]
    assert progress.status is Status.FAILED
    assert "path is not a path on the service's server" in progress.reason
