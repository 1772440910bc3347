"""A SkyPortal instance drives facilities through Slew, as its GENERIC endpoint (card generic.md)."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from local.examples import examples
from local.simulators.atlas.accounts import DEMO_TOKEN
from local.simulators.endpoint import DEMO_TOKEN as PORTAL_TOKEN
from local.simulators.skyportal import SkyPortalClient
from tests.e2e.conftest import System

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("skyportal")]

PAYLOAD = {"start_date": "2026-08-01", "end_date": "2026-08-31"}
OTHER = {"start_date": "2026-07-01", "end_date": "2026-08-31"}
UNKNOWN = "AT nobody knows"


class Instance:
    """A SkyPortal with a token of ours, whose allocation 7 means our ATLAS one."""

    def __init__(self, system: System, repeats: str = "replace") -> None:
        self.system = system
        body = {"name": "a SkyPortal", "role": "observer", "groups": ["transients"]}
        made = system.call("POST", "/tokens", body).json()
        self.token, self.token_id = made["token"], made["id"]
        about = {
            "url": system.stack.simulators["generic"].url,
            "token": PORTAL_TOKEN,
            "allocations": {"7": "sky-atlas", "8": "sky-slack"},
            "repeats": repeats,
        }
        reply = system.call("PUT", f"/skyportal/senders/{self.token_id}", about)
        assert reply.status_code == 200, reply.text
        assert PORTAL_TOKEN not in reply.text
        self.url = f"{system.stack.url}/skyportal/requests"

    def client(self, allocation: int = 7, slash: str = "") -> SkyPortalClient:
        """What one request looks like from there."""
        return SkyPortalClient(self.url + slash, self.token, allocation)

    def post(self, obj_id: str, payload: Any, **more: Any) -> requests.Response:
        """The POST itself."""
        body = {"obj_id": obj_id, "allocation_id": 7, "payload": payload, **more}
        headers = {"Authorization": f"token {self.token}"}
        return requests.post(self.url, json=body, headers=headers, timeout=60)

    def tasks(self) -> list[dict[str, Any]]:
        """What has been triggered at ATLAS."""
        arrivals = self.system.arrivals("atlas_forced_photometry")
        return [each for each in arrivals if each["path"].endswith("queue/")]


@pytest.fixture
def instance(system: System) -> Instance:
    system.simulator("atlas_forced_photometry", "POST", "/_reset")
    if system.call("GET", "/facilities/atlas_forced_photometry/allocations/sky-atlas").status_code == 404:
        system.allocate("atlas_forced_photometry", "sky-atlas", {"api_token": DEMO_TOKEN})
        slack = examples(system.stack.simulators)["slack"]
        system.allocate("slack", "sky-slack", slack.allocation["altdata"])
    return Instance(system)


def test_submit_update_and_delete_as_skyportal_does(instance: Instance) -> None:
    client = instance.client(slash="/")
    assert client.submit("ZTF24abcxyz", PAYLOAD) == "submitted"
    (task,) = instance.tasks()
    assert "150.11322" in task["body"]
    assert client.update("ZTF24abcxyz", OTHER) == "submitted"
    assert client.delete() == "deleted"
    assert client.delete() == "deleted"


def test_a_post_that_comes_twice_triggers_once(instance: Instance) -> None:
    first, again = (instance.post("2023ixf", PAYLOAD) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json()["data"]["id"] == again.json()["data"]["id"]
    assert len(instance.tasks()) == 1


def test_after_a_deletion_the_same_payload_is_a_new_request(instance: Instance) -> None:
    client = instance.client()
    client.submit("2023ixf", PAYLOAD)
    client.delete()
    client.submit("2023ixf", PAYLOAD)
    assert client.status == "submitted"
    assert len(instance.tasks()) == 2


def test_always_new_makes_another_payload_another_request(instance: Instance) -> None:
    fresh = Instance(instance.system, repeats="always_new")
    one, two = (fresh.post("2023ixf", payload).json()["data"]["id"] for payload in (PAYLOAD, OTHER))
    assert one != two
    assert len(instance.tasks()) == 2


def test_without_a_position_nothing_is_sent_until_it_is_told(instance: Instance) -> None:
    refused = instance.post(UNKNOWN, PAYLOAD)
    assert refused.status_code == 422
    assert "position" in refused.json()["message"]
    assert instance.tasks() == []
    headers = {"Authorization": f"token {instance.token}"}
    target = {"target": {"name": UNKNOWN, "ra": 10.5, "dec": -3.25}}
    url = f"{instance.system.stack.url}/skyportal/targets/{UNKNOWN}"
    assert requests.put(url, json=target, headers=headers, timeout=30).status_code == 200
    assert instance.post(UNKNOWN, PAYLOAD).status_code == 200
    assert "10.5" in instance.tasks()[0]["body"]


def test_a_position_may_come_with_the_request(instance: Instance) -> None:
    target = {"name": "AT new", "ra": 20.25, "dec": 5}
    assert instance.post("AT new", PAYLOAD, target=target).status_code == 200
    assert "20.25" in instance.tasks()[0]["body"]


def test_a_refusal_names_the_request_there_is(instance: Instance) -> None:
    made = instance.post("2023ixf", PAYLOAD).json()["data"]["id"]
    refused = instance.post("2023ixf", {"start_date": "yesterday"})
    assert refused.status_code == 422
    assert refused.json()["data"]["id"] == made
    assert len(refused.text) < 600


def test_what_the_facility_refuses_is_no_success(instance: Instance) -> None:
    fault = {"kind": "status", "method": "POST", "status": 400, "content_type": "application/json"}
    instance.system.simulator(
        "atlas_forced_photometry", "POST", "/_fault", {**fault, "body": '{"ra": ["too far"]}'}
    )
    client = instance.client()
    shown = client.submit("2023ixf", PAYLOAD)
    assert shown.startswith('rejected: {"status": "error", "message": "rejected: ')
    assert client.submit("2023ixf", PAYLOAD) == "submitted"  # what SkyPortal calls a resubmission
    assert client.delete() == "deleted"


def test_another_facility_is_driven_by_another_number(instance: Instance) -> None:
    payload = examples(instance.system.stack.simulators)["slack"].request["payload"]
    client = instance.client(8)
    client.submit("2023ixf", payload)
    assert client.status == "submitted", client.status


@pytest.mark.parametrize("allocation", [9, 70])
def test_a_number_that_means_nothing_here_is_refused(instance: Instance, allocation: int) -> None:
    assert instance.client(allocation).submit("2023ixf", PAYLOAD).startswith("rejected: ")
    assert instance.tasks() == []


@pytest.mark.parametrize("token", ["", "slew_" + "x" * 43])
def test_a_bad_token_is_answered_401_and_short(instance: Instance, token: str) -> None:
    headers = {"Authorization": f"token {token}"} if token else {}
    body = {"obj_id": "2023ixf", "allocation_id": 7, "payload": PAYLOAD}
    for reply in (
        requests.post(instance.url, json=body, headers=headers, timeout=30),
        requests.delete(f"{instance.url}/abc", headers=headers, timeout=30),
    ):
        assert reply.status_code == 401
        assert reply.json()["status"] == "error"
        assert len(reply.text) < 400


def test_anothers_request_is_not_deleted(instance: Instance) -> None:
    made = instance.post("2023ixf", PAYLOAD).json()["data"]["id"]
    other = Instance(instance.system)
    headers = {"Authorization": f"token {other.token}"}
    reply = requests.delete(f"{other.url}/{made}", headers=headers, timeout=30)
    assert reply.status_code == 404
    assert reply.json()["data"]["id"] == made
