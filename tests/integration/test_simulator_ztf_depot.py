"""The simulated depot: its login, its two forms, ranges."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from local.simulators.ztf import DEPOT_PASSWORD, DEPOT_USER, ZtfServer
from tests.integration.ztf_bench import FixedClock
from tests.ztf_orders import NOW


@pytest.fixture
def server() -> Iterator[ZtfServer]:
    server = ZtfServer(FixedClock(NOW))
    server.start()
    yield server
    server.stop()


def test_the_depot(server: ZtfServer) -> None:
    login = (DEPOT_USER, DEPOT_PASSWORD)
    new = f"{server.url}/depot/20260311/ztf_recentproc_20260311.json"
    assert requests.head(new, timeout=10).status_code == 401
    assert requests.head(new, auth=login, timeout=10).status_code == 200
    rows = requests.get(new, auth=login, timeout=10).json()
    assert len(rows) == 4 * 64
    assert set(rows[0]) == {
        "exposure_id",
        "field_id",
        "filter_id",
        "obsjd",
        "exposure_time",
        "maglim",
        "fwhm",
        "status",
    }
    part = requests.get(new, auth=login, headers={"Range": "bytes=100-"}, timeout=10)
    assert (part.status_code, len(part.content)) == (
        206,
        len(requests.get(new, auth=login, timeout=10).content) - 100,
    )
    old = f"{server.url}/depot/20260309"
    assert requests.head(f"{old}/ztf_recentproc_20260309.json", auth=login, timeout=10).status_code == 404
    text = requests.get(f"{old}/goodsubs_20260309.txt", auth=login, timeout=10).text
    assert "subtractionstatus" in text.splitlines()[0]
    assert len(text.splitlines()) == 2 + 4 * 64
    missing = f"{server.url}/depot/20200101/ztf_recentproc_20200101.json"
    assert requests.head(missing, auth=login, timeout=10).status_code == 404
