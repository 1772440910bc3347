"""What every simulator's faults do to a client, and that none outlives its server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.simulators.atlas import AtlasServer
from tests.support.toy import SECRET, ToyServer
from tests.support.waiting import LONG_S, until

HEADERS = {"Authorization": f"Token {SECRET}"}
BODY = {"exposure": 300, "target": "M 31", "ref": "r1"}


@pytest.fixture
def toy() -> Iterator[ToyServer]:
    server = ToyServer()
    server.start()
    yield server
    server.stop()


def fault(server: ToyServer, **wanted: Any) -> requests.Response:
    return requests.post(f"{server.url}/_fault", json=wanted, timeout=30)


def post(server: ToyServer) -> requests.Response:
    return requests.post(f"{server.url}/requests/", json=BODY, headers=HEADERS, timeout=2 * LONG_S)


@pytest.mark.parametrize(("kind", "noted", "taken"), [("refuse", 0, 0), ("cut", 1, 1), ("reset", 1, 1)])
def test_hanging_up(toy: ToyServer, kind: str, noted: int, taken: int) -> None:
    fault(toy, kind=kind)
    with pytest.raises(requests.ConnectionError):
        post(toy)
    assert (len(toy.journal), len(toy.taken)) == (noted, taken)
    assert post(toy).status_code == 201


def test_a_status_comes_in_place_of_the_facility_as_often_as_told(toy: ToyServer) -> None:
    fault(toy, kind="status", status=503, body="closed", headers={"Retry-After": "7"}, times=2)
    answers = [post(toy) for _ in range(3)]
    assert [each.status_code for each in answers] == [503, 503, 201]
    assert (answers[0].text, answers[0].headers["Retry-After"]) == ("closed", "7")
    assert (len(toy.journal), len(toy.taken)) == (3, 1)


def test_only_what_matches_fails(toy: ToyServer) -> None:
    fault(toy, kind="status", status=500, method="GET", path="/requests/")
    assert post(toy).status_code == 201
    assert requests.get(f"{toy.url}/requests/1/", headers=HEADERS, timeout=30).status_code == 500


def test_faults_can_be_taken_back_and_must_be_known(toy: ToyServer) -> None:
    fault(toy, kind="refuse", times=5)
    assert fault(toy, kind="earthquake").status_code == 400
    requests.delete(f"{toy.url}/_fault", timeout=30)
    assert post(toy).status_code == 201


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_nothing_hangs_longer_than_its_server_lives(toy: ToyServer, kind: str) -> None:
    fault(toy, kind=kind, seconds=100 * LONG_S)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, toy)
        until(lambda: toy.taken)
        assert not answer.done()
        toy.stop()
        if kind == "hang":
            assert answer.result().status_code == 201
        else:
            with pytest.raises(requests.RequestException, match="IncompleteRead"):
                answer.result()


def test_a_queue_goes_on_by_itself_after_its_server_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    server = AtlasServer()
    port = int(server.start().rpartition(":")[2])
    try:
        server.vanish()
        server.start(port)
        settled: list[float] = []
        monkeypatch.setattr(server.tasks, "settle", settled.append)
        until(lambda: settled)
    finally:
        server.stop()
