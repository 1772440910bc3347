"""Credentials, ids, methods, lists, throttles and the portal's tables, as the real portal answers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.simulators.observation_portal.accounts import (
    CONTRACT_TOKEN,
    DEMO_TOKEN,
    DISABLED_TOKEN,
    OUTSIDER_TOKEN,
    STAFF_TOKEN,
)
from tests.contract.bodies import sinistro
from tests.integration.lco_simulator import RECORDED_SCENE, Client, running

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
NO_GROUP = {"detail": "No RequestGroup matches the given query."}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running() as started:
        yield started


@pytest.fixture
def fresh() -> Iterator[Client]:
    """One of the test's own."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def group(client: Client) -> JSON:
    return client.submit(sinistro(RECORDED_SCENE))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Token nonsense", "Invalid token."),
        ("Token", "Invalid token header. No credentials provided."),
        ("Token a b", "Invalid token header. Token string should not contain spaces."),
        (f"Token {DISABLED_TOKEN}", "User inactive or deleted."),
    ],
)
def test_bad_credentials_are_403_on_every_path(client: Client, method: str, header: str, text: str) -> None:
    paths = [GROUPS, f"{GROUPS}1/", "/api/semesters/", "/api/instruments/", "/api/profile/"]
    for path in paths if method == "GET" else [GROUPS, f"{GROUPS}validate/", f"{GROUPS}1/cancel/"]:
        answer = client.call(method, path, None, headers={"Authorization": header}, json={})
        assert (answer.status_code, answer.json()) == (403, {"detail": text}), path


def test_without_token_nothing_is_seen(client: Client, group: JSON) -> None:
    assert client.call("GET", GROUPS, None).json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
    }
    detail = client.call("GET", f"{GROUPS}{group['id']}/", None)
    assert (detail.status_code, detail.json()) == (404, NO_GROUP)
    cancel = client.call("POST", f"{GROUPS}{group['id']}/cancel/", None)
    assert cancel.status_code == 403
    assert client.call("GET", "/api/profile/", None).status_code == 403


def test_a_strangers_group_is_not_there(client: Client, group: JSON) -> None:
    child = group["requests"][0]["id"]
    for path in (f"{GROUPS}{group['id']}/", f"{GROUPS}{group['id']}/cancel/"):
        method = "POST" if path.endswith("cancel/") else "GET"
        answer = client.call(method, path, OUTSIDER_TOKEN)
        assert (answer.status_code, answer.json()) == (404, NO_GROUP)
    for path in (f"/api/requests/{child}/", f"/api/requests/{child}/observations/"):
        answer = client.call("GET", path, OUTSIDER_TOKEN)
        assert answer.json() == {"detail": "No Request matches the given query."}
    assert client.call("GET", GROUPS, OUTSIDER_TOKEN).json()["count"] == 0
    assert client.call("GET", GROUPS, STAFF_TOKEN).json()["count"] >= 1


def test_the_two_series_of_ids_do_not_meet(client: Client, group: JSON) -> None:
    child = group["requests"][0]["id"]
    assert child - group["id"] > 1_000_000
    assert client.call("GET", f"{GROUPS}{child}/").json() == NO_GROUP
    assert client.call("POST", f"{GROUPS}{child}/cancel/").status_code == 404
    wrong = client.call("GET", f"/api/requests/{group['id']}/observations/")
    assert (wrong.status_code, wrong.json()) == (404, {"detail": "No Request matches the given query."})
    assert client.call("GET", f"{GROUPS}abc/").json() == {"detail": "Not found."}


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", GROUPS), ("DELETE", f"{GROUPS}1/"), ("PATCH", f"{GROUPS}1/"), ("GET", f"{GROUPS}validate/")],
)
def test_methods_that_there_are_not(client: Client, method: str, path: str) -> None:
    answer = client.call(method, path)
    assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method}" not allowed.'})
    if method != "GET":
        assert client.call(method, path, None).status_code == 403


def test_an_unknown_path_is_an_html_page(client: Client) -> None:
    answer = client.call("GET", "/api/nothing/")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_the_schedulers_calls_are_for_staff(client: Client, group: JSON) -> None:
    child = group["requests"][0]["id"]
    text = {"detail": "You do not have permission to perform this action."}
    for method, path in (
        ("POST", "/api/observations/"),
        ("PATCH", "/api/configurationstatus/1/"),
        ("PATCH", f"/api/requests/{child}/"),
    ):
        answer = client.call(method, path, json={})
        assert (answer.status_code, answer.json()) == (403, text)


def test_list_and_detail_differ(client: Client, group: JSON) -> None:
    [listed] = client.call("GET", f"{GROUPS}?id={group['id']}").json()["results"]
    [child], [in_detail] = listed["requests"], client.group(group)["requests"]
    configuration = child["configurations"][0]
    assert configuration["repeat_duration"] is None
    assert configuration["instrument_configs"][0]["rois"] == []
    assert configuration["target"]["hour_angle"] is None
    assert not {"max_seeing", "min_transparency"} & set(configuration["constraints"])
    assert "created" not in child
    assert "created" in in_detail
    assert "max_seeing" in in_detail["configurations"][0]["constraints"]
    assert "hour_angle" not in in_detail["configurations"][0]["target"]


def test_filters_and_pages(fresh: Client) -> None:
    groups = [fresh.submit(sinistro(RECORDED_SCENE) | {"name": f"AT2026{letter}"}) for letter in "abc"]
    fresh.cancel(groups[0])
    ids = [group["id"] for group in groups]

    def found(query: str) -> list[int]:
        rows = fresh.call("GET", f"{GROUPS}?{query}").json()["results"]
        return [row["id"] for row in rows]

    assert found("") == ids[::-1]
    assert found("name=at2026B") == [ids[1]]
    assert found("state=CANCELED") == [ids[0]]
    assert found("exclude_state=CANCELED") == [ids[2], ids[1]]
    assert found(f"request_id={groups[1]['requests'][0]['id']}") == [ids[1]]
    assert found("proposal=TEST_PROPOSAL&user=contract&target=ztf26") == ids[::-1]
    assert found("created_after=2026-11-22T15:00:00Z") == ids[::-1]
    assert found("created_after=2026-11-23") == []
    assert found("modified_before=2026-11-22") == []
    assert found("telescope_class=2m0") == []
    first = fresh.call("GET", f"{GROUPS}?limit=2&name=AT").json()
    assert first["count"] == 3
    assert first["next"] == f"{fresh.url}{GROUPS}?limit=2&name=AT&offset=2"
    second = requests.get(first["next"], headers={"Authorization": f"Token {CONTRACT_TOKEN}"}, timeout=20)
    assert [row["id"] for row in second.json()["results"]] == [ids[0]]
    assert second.json()["previous"] == f"{fresh.url}{GROUPS}?limit=2&name=AT"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("state=DONE", {"state": ["Select a valid choice. DONE is not one of the available choices."]}),
        ("request_id=abc", {"request_id": ["Enter a number."]}),
        ("created_after=x", {"created_after": ["Enter a valid date/time."]}),
        (
            "proposal=NOPE",
            {"proposal": ["Select a valid choice. That choice is not one of the available choices."]},
        ),
    ],
)
def test_bad_filters(client: Client, query: str, error: JSON) -> None:
    answer = client.call("GET", f"{GROUPS}?{query}")
    assert (answer.status_code, answer.json()) == (400, error)


def test_ten_a_page(fresh: Client) -> None:
    for _ in range(11):
        fresh.submit(sinistro(RECORDED_SCENE))
    page = fresh.call("GET", GROUPS).json()
    assert (page["count"], len(page["results"])) == (11, 10)


# -- throttles


def test_creation_is_throttled_by_user_and_day(fresh: Client) -> None:
    fresh.config(throttle={"create": 2, "cancel": 1})
    body = sinistro(RECORDED_SCENE) | {"proposal": "LCO2026B-001"}
    group, _ = (fresh.submit(body) for _ in range(2))
    refused = fresh.call("POST", GROUPS, json=body)
    assert refused.status_code == 429
    assert refused.json() == {"detail": "Request was throttled. Expected available in 86400 seconds."}
    assert refused.headers["Retry-After"] == "86400"
    assert fresh.call("POST", GROUPS, DEMO_TOKEN, json=body).status_code == 201
    assert fresh.validate(body)["errors"] == {}
    assert fresh.cancel(group).status_code == 200
    assert fresh.cancel(group).status_code == 429
    assert fresh.group(group)["state"] == "CANCELED"
    fresh.wait(86_000)
    assert fresh.call("POST", GROUPS, json=body).headers["Retry-After"] == "400"
    fresh.wait(401)
    assert fresh.call("POST", GROUPS, json=body).status_code == 201


# -- tables


def test_semesters_are_lcos(client: Client) -> None:
    answer = client.call("GET", "/api/semesters/?semester_contains=2026-11-22", None).json()
    assert answer["results"] == [
        {"id": "2026B", "start": "2026-08-01T00:00:00Z", "end": "2027-01-31T23:59:59Z"}
    ]
    assert client.call("GET", "/api/semesters/2026A/", None).json()["end"] == "2026-07-31T23:59:59Z"


def test_instruments_are_public_and_can_be_chosen(client: Client) -> None:
    listing = client.call("GET", "/api/instruments/?instrument_type=1M0-SCICAM-SINISTRO", None).json()
    [(code, row)] = listing.items()
    assert (code, row["class"], row["type"]) == ("1M0-SCICAM-SINISTRO", "1m0", "IMAGE")
    assert "gp" in [element["code"] for element in row["optical_elements"]["filters"]]
    assert row["modes"]["readout"]["default"] == "full_frame"
    assert row["configuration_types"]["BIAS"]["schedulable"] is False
    everything = client.call("GET", "/api/instruments/", None).json()
    assert "2M0-SCICAM-SPECTRAL" not in everything
    assert len(everything) == 11


def test_profile_and_proposals(client: Client) -> None:
    profile = client.call("GET", "/api/profile/", DEMO_TOKEN).json()
    assert profile["username"] == "demo"
    assert profile["proposals"] == [{"id": "LCO2026B-001", "title": "Transient follow-up", "current": True}]
    assert profile["tokens"]["api_token"] == DEMO_TOKEN
    assert "1M0-SCICAM-SINISTRO" in profile["available_instrument_types"]
    rows = client.call("GET", "/api/proposals/").json()["results"]
    assert "TEST_FOREIGN" not in [row["id"] for row in rows]
    assert client.call("GET", "/api/proposals/TEST_FOREIGN/").status_code == 404


def test_a_token_for_a_password(client: Client) -> None:
    path = "/api/api-token-auth/"
    right = {"username": "demo", "password": "password"}
    assert client.call("POST", path, None, json=right).json() == {"token": DEMO_TOKEN}
    assert client.call("POST", path, None, data=right).json() == {"token": DEMO_TOKEN}
    wrong = client.call("POST", path, None, json=right | {"password": "x"})
    assert wrong.status_code == 400
    assert wrong.json() == {"non_field_errors": ["Unable to log in with provided credentials."]}
    missing = client.call("POST", path, None, json={})
    assert missing.json() == {
        "username": ["This field is required."],
        "password": ["This field is required."],
    }


def test_the_highest_ipp_value(client: Client) -> None:
    body = sinistro(RECORDED_SCENE) | {"proposal": "TEST_SMALL"}
    answer = client.call("POST", f"{GROUPS}max_allowable_ipp/", json=body).json()
    assert answer == {
        "2026B": {
            "1M0-SCICAM-SINISTRO": {
                "ipp_time_available": 0.1,
                "ipp_limit": 0.2,
                "request_duration": 784 / 3600,
                "max_allowable_ipp_value": 1.459,
                "min_allowable_ipp_value": 0.5,
            }
        }
    }


def test_airmass_by_site(client: Client, group: JSON) -> None:
    answer = client.call("GET", f"/api/requests/{group['requests'][0]['id']}/airmass/").json()
    assert answer["airmass_limit"] == 2.0
    assert set(answer["airmass_data"]) == {"coj", "cpt", "elp", "lsc", "tfn"}
    for site in answer["airmass_data"].values():
        assert len(site["times"]) == len(site["airmasses"])
        assert all(1.0 <= airmass <= 2.001 for airmass in site["airmasses"])


def test_reset_forgets_all_but_the_seed(fresh: Client) -> None:
    first = fresh.submit(sinistro(RECORDED_SCENE))
    fresh.config(throttle={"create": 0})
    fresh.call("POST", "/_reset")
    assert fresh.call("GET", GROUPS).json()["count"] == 0
    assert fresh.submit(sinistro(RECORDED_SCENE))["id"] == first["id"]


def test_an_answer_may_be_lost_after_the_group_is_stored(fresh: Client) -> None:
    fresh.call("POST", "/_fault", json={"kind": "reset", "method": "POST", "path": GROUPS})
    with pytest.raises(requests.ConnectionError):
        fresh.call("POST", GROUPS, json=sinistro(RECORDED_SCENE))
    assert fresh.call("GET", f"{GROUPS}?name=ZTF26aaaaaaa").json()["count"] == 1
