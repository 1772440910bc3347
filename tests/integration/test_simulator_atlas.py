"""The ATLAS simulator keeps the rules of atlas_forced_photometry.md: failures, life of a task, results."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from local.simulators.atlas import DEMO_TOKEN, INACTIVE_TOKEN, OTHER_TOKEN, PASSWORD, AtlasServer
from local.simulators.atlas.light_curve import SN_2023IXF
from local.simulators.atlas.queue import SEEDED_SPOTS, mjd
from tests.support.frozen import FrozenClock
from tests.support.waiting import until

JSON = dict[str, Any]
DEMO, OTHER = f"Token {DEMO_TOKEN}", f"Token {OTHER_TOKEN}"
SN: JSON = {
    "ra": SN_2023IXF[0],
    "dec": SN_2023IXF[1],
    "mjd_min": 60070.0,
    "mjd_max": 60110.0,
    "send_email": False,
}
# The keys of the card's example, in its order.
KEYS = [
    "url",
    "id",
    "user_id",
    "username",
    "timestamp",
    "mpc_name",
    "ra",
    "dec",
    "mjd_min",
    "mjd_max",
    "radec_epoch_year",
    "propermotion_ra",
    "propermotion_dec",
    "use_reduced",
    "finished",
    "result_url",
    "comment",
    "send_email",
    "callback_url",
    "starttimestamp",
    "finishtimestamp",
    "error_msg",
    "previewimage_url",
    "parent_task_id",
    "parent_task_url",
    "request_type",
    "pdfplot_url",
    "queuepos",
    "imagerequest_task_id",
    "imagerequest_url",
    "imagerequest_finished",
    "result_imagestack_url",
    "result_imagezip_url",
    "userqueuedtasks_on_submit",
    "waittime",
    "runtime",
    "attempt_count",
]
OLD_KEYS_MISSING = {
    "callback_url",
    "result_imagestack_url",
    "userqueuedtasks_on_submit",
    "waittime",
    "runtime",
    "attempt_count",
}


@pytest.fixture(scope="module")
def served() -> Iterator[AtlasServer]:
    server = AtlasServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def atlas(served: AtlasServer) -> AtlasServer:
    with served.lock:
        served.clock = FrozenClock()
        served.reset()
    return served


def call(
    atlas: AtlasServer, method: str, path: str, token: str | None = DEMO, **more: Any
) -> requests.Response:
    url = path if path.startswith("http") else atlas.base_url + path
    headers = {"Accept": "application/json", **more.pop("headers", {})}
    if token:
        headers["Authorization"] = token
    return requests.request(method, url, headers=headers, timeout=10, allow_redirects=False, **more)


def submit(atlas: AtlasServer, token: str = DEMO, **changes: Any) -> JSON:
    answer = call(atlas, "POST", "/queue/", token, json={**SN, **changes})
    assert answer.status_code == 201, answer.text
    task: JSON = answer.json()
    return task


def show(atlas: AtlasServer, task: JSON) -> JSON:
    shown: JSON = call(atlas, "GET", task["url"], None).json()
    return shown


def advance(atlas: AtlasServer, seconds: float) -> None:
    requests.post(f"{atlas.url}/_clock", json={"advance_s": seconds}, timeout=10)


def configure(atlas: AtlasServer, **settings: Any) -> None:
    answer = requests.post(f"{atlas.url}/_config", json=settings, timeout=10)
    assert answer.status_code == 200, answer.text


def finished(atlas: AtlasServer, **changes: Any) -> JSON:
    task = submit(atlas, **changes)
    advance(atlas, 60)
    return show(atlas, task)


def rows(text: str) -> list[JSON]:
    head, *lines = text.splitlines()
    names = head.removeprefix("###").split()
    return [dict(zip(names, line.split(), strict=True)) for line in lines]


# -- who asks


@pytest.mark.parametrize(
    ("token", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        (f"Bearer {DEMO_TOKEN}", "Authentication credentials were not provided."),
        ("Token 0000000000000000000000000000000000000000", "Invalid token."),
        (f"Token {INACTIVE_TOKEN}", "User inactive or deleted."),
        ("Token", "Invalid token header. No credentials provided."),
    ],
)
def test_submit_needs_a_token(atlas: AtlasServer, token: str | None, detail: str) -> None:
    answer = call(atlas, "POST", "/queue/", token, json=SN)
    assert (answer.status_code, answer.json()) == (401, {"detail": detail})
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="api"'
    assert call(atlas, "GET", "/queue/").json()["taskcount"] == 0


def test_reads_are_public_but_not_with_a_bad_token(atlas: AtlasServer) -> None:
    task = submit(atlas)
    assert call(atlas, "GET", task["url"], None).status_code == 200
    assert call(atlas, "GET", task["url"], "Token wrong").status_code == 401
    anonymous = call(atlas, "GET", "/queue/", None)
    assert anonymous.status_code == 403
    assert anonymous.json() == {"detail": "You do not have permission to perform this action."}


def test_api_token_auth(atlas: AtlasServer) -> None:
    def ask(**sent: str) -> tuple[int, JSON]:
        answer = call(atlas, "POST", "/api-token-auth/", None, data=sent)
        return answer.status_code, answer.json()

    assert ask(username="astro1", password=PASSWORD) == (200, {"token": DEMO_TOKEN})
    wrong = {"non_field_errors": ["Unable to log in with provided credentials."]}
    assert ask(username="astro1", password="wrong") == (400, wrong)
    required = ["This field is required."]
    assert ask() == (400, {"username": required, "password": required})


def test_basic_authentication(atlas: AtlasServer) -> None:
    right = requests.post(atlas.base_url + "/queue/", json=SN, auth=("astro2", PASSWORD), timeout=10)
    assert (right.status_code, right.json()["username"]) == (201, "astro2")
    wrong = requests.post(atlas.base_url + "/queue/", json=SN, auth=("astro2", "x"), timeout=10)
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid username/password."})


# -- what is refused

NO_QUOTES = "Invalid mpc_name. May not contain quotes or semicolons"
NOT_A_NUMBER = ["A valid number is required."]
FAILURES: list[tuple[JSON, JSON]] = [
    ({"ra": "abc", "dec": 1}, {"ra": NOT_A_NUMBER}),
    ({"ra": "nan", "dec": "inf"}, {"ra": NOT_A_NUMBER, "dec": NOT_A_NUMBER}),
    ({}, {"non_field_errors": ["Either an mpc_name or (ra, dec) must be specified."]}),
    ({"ra": 1}, {"dec": ["ra was set but dec is missing."]}),
    ({"dec": 1}, {"ra": ["dec was set but ra is missing."]}),
    (
        {"ra": 1, "dec": 1, "mpc_name": "Makemake"},
        {"mpc_name": ["mpc_name was given but RA and Dec were not empty."]},
    ),
    (
        {"ra": 1, "dec": 1, "mjd_min": 60000.0, "mjd_max": 60000.0},
        {"mjd_max": ["mjd_max must be greater than mjd_min (60000.0 was applied)."]},
    ),
    (
        {"ra": 1, "dec": 1, "mjd_min": 60000.0, "mjd_max": 59000},
        {"mjd_max": ["mjd_max must be greater than mjd_min (60000.0 was applied)."]},
    ),
    ({"ra": 1, "dec": 1, "mjd_max": 0}, {"mjd_max": ["mjd_max must be a positive MJD."]}),
    ({"ra": 1, "dec": 1, "mjd_max": -5}, {"mjd_max": ["mjd_max must be a positive MJD."]}),
    (
        {"ra": 1, "dec": 1, "comment": "x" * 301},
        {"comment": ["Ensure this field has no more than 300 characters."]},
    ),
    ({"ra": 1, "dec": 1, "request_type": "FOO"}, {"request_type": ['"FOO" is not a valid choice.']}),
    (
        {"ra": 1, "dec": 1, "request_type": "IMGZIP"},
        {"non_field_errors": ["IMGZIP requests must have a parent_task_id set to an FP task."]},
    ),
    (
        {"ra": 1, "dec": 1, "request_type": "SSOSTACK"},
        {"non_field_errors": ["Image stacking only works on MPC objects."]},
    ),
    *[({"mpc_name": name}, {"mpc_name": {"mpc_name": NO_QUOTES}}) for name in ("a'b", 'a"b', "a;b")],
    ({"mpc_name": "x" * 301}, {"mpc_name": ["Ensure this field has no more than 300 characters."]}),
    ({"ra": 1, "dec": 1, "use_reduced": "maybe"}, {"use_reduced": ["Must be a valid boolean."]}),
    (
        {"ra": 1, "dec": 1, "radec_epoch_year": 2015.55},
        {"radec_epoch_year": ["Ensure that there are no more than 1 decimal places."]},
    ),
    ({"ra": 1, "dec": 1, "callback_url": "not a url"}, {"callback_url": ["Enter a valid URL."]}),
    (
        {"ra": 1, "dec": 1, "callback_url": "http://example.org/x"},
        {"callback_url": {"callback_url": "callback_url must use https"}},
    ),
    (
        {"ra": 1, "dec": 1, "callback_url": "https://u:p@example.org/"},
        {"callback_url": {"callback_url": "callback_url must not contain credentials"}},
    ),
    *[
        (
            {"ra": 1, "dec": 1, "callback_url": f"https://{host}/"},
            {"callback_url": {"callback_url": "callback_url must resolve to a public address"}},
        )
        for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]")
    ],
    (
        {"ra": 1, "dec": 1, "callback_url": "https://nowhere.invalid/"},
        {
            "callback_url": {
                "callback_url": "callback_url hostname could not be resolved: "
                "[Errno -2] Name or service not known"
            }
        },
    ),
    (
        {"radeclist": "\n".join(["1 1"] * 101)},
        {"radeclist": "Number of lines (101) is above the limit of 100"},
    ),
]


@pytest.mark.parametrize(("sent", "body"), FAILURES)
def test_refusal(atlas: AtlasServer, sent: JSON, body: JSON) -> None:
    answer = call(atlas, "POST", "/queue/", json=sent)
    assert (answer.status_code, answer.json()) == (400, body)
    assert call(atlas, "GET", "/queue/").json()["taskcount"] == 0


@pytest.mark.parametrize(("sent", "body"), [row for row in FAILURES if "callback_url" not in row[0]])
def test_refusal_of_a_form(atlas: AtlasServer, sent: JSON, body: JSON) -> None:
    answer = call(atlas, "POST", "/queue/", data=sent)
    assert (answer.status_code, answer.json()) == (400, body)


def test_refusal_of_a_bad_list(atlas: AtlasServer) -> None:
    answer = call(atlas, "POST", "/queue/", json={"radeclist": "1 1\nnonsense"})
    assert answer.status_code == 400
    assert answer.json()["radeclist"].startswith("Error on line 2: Could not find two columns. ")


def test_refusal_of_what_is_not_json(atlas: AtlasServer) -> None:
    headers = {"Content-Type": "application/json"}
    answer = call(atlas, "POST", "/queue/", data=b"{bad", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )
    nan = call(atlas, "POST", "/queue/", data=b'{"ra": NaN, "dec": 1}', headers=headers)
    assert nan.json()["detail"].startswith("JSON parse error - ")
    assert call(atlas, "POST", "/queue/", json=[1]).status_code == 400
    text = {"Content-Type": "text/plain"}
    assert call(atlas, "POST", "/queue/", data=b"x", headers=text).status_code == 415
    empty = call(atlas, "POST", "/queue/")
    assert "non_field_errors" in empty.json()


def test_missing_slash_wrong_method_unknown_page(atlas: AtlasServer) -> None:
    moved = call(atlas, "POST", "/queue", json=SN)
    assert (moved.status_code, moved.headers["Location"]) == (301, f"{atlas.base_url}/queue/")
    task = submit(atlas)
    assert call(atlas, "GET", task["url"].rstrip("/")).status_code == 301
    assert call(atlas, "GET", "/queue/").json()["taskcount"] == 1
    wrong = call(atlas, "POST", task["url"], json=SN)
    assert (wrong.status_code, wrong.json()) == (405, {"detail": 'Method "POST" not allowed.'})
    page = call(atlas, "GET", "/nothing/")
    assert page.status_code == 404
    assert "Page not found" in page.text


# -- how often


def test_sixty_writes_a_minute_invalid_ones_too(atlas: AtlasServer) -> None:
    statuses = [call(atlas, "POST", "/queue/", json={}).status_code for _ in range(60)]
    assert set(statuses) == {400}
    limited = call(atlas, "POST", "/queue/", json=SN)
    assert limited.status_code == 429
    assert limited.headers["Retry-After"] == "60"
    assert limited.json() == {"detail": "Request was throttled. Expected available in 60 seconds."}
    assert call(atlas, "POST", "/queue/", OTHER, json=SN).status_code == 201
    assert call(atlas, "GET", "/queue/").status_code == 200
    advance(atlas, 59)
    last = call(atlas, "POST", "/queue/", json=SN)
    assert last.headers["Retry-After"] == "1"
    assert last.json()["detail"].endswith("in 1 second.")
    advance(atlas, 1)
    assert call(atlas, "POST", "/queue/", json=SN).status_code == 201


def test_throttle_is_configurable_and_covers_all_writes(atlas: AtlasServer) -> None:
    task = submit(atlas)
    configure(atlas, writes_per_minute=2, reads_per_minute=3)
    assert call(atlas, "PATCH", task["url"], json={"comment": "x"}).status_code == 200
    assert call(atlas, "PUT", task["url"], json=SN).status_code == 200
    assert call(atlas, "DELETE", task["url"]).status_code == 429
    assert [call(atlas, "GET", task["url"]).status_code for _ in range(4)] == [200, 200, 200, 429]
    configure(atlas, old_server=True)
    assert call(atlas, "GET", task["url"]).status_code == 200
    assert call(atlas, "POST", "/api-token-auth/", None, data={}).status_code == 400


def test_cap_of_queued_tasks(atlas: AtlasServer) -> None:
    configure(atlas, runner_down=True)
    targets = "\n".join(["1 1"] * 100)
    for _ in range(5):
        assert len(call(atlas, "POST", "/queue/", json={"radeclist": targets}).json()) == 100
    answer = call(atlas, "POST", "/queue/", json=SN)
    assert answer.status_code == 400
    assert answer.json() == {
        "non_field_errors": "ERROR: You have too many queued tasks (500 queued + 1 requested > 500)."
    }
    assert submit(atlas, OTHER)["user_id"] == 1202


# -- submission


def test_submitted_object(atlas: AtlasServer) -> None:
    answer = call(atlas, "POST", "/queue/", json={**SN, "comment": "req 8f2c"})
    task = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == task["url"] == f"{atlas.base_url}/queue/{task['id']}/"
    assert {name: task[name] for name in SN} == SN
    assert task["timestamp"].endswith("Z")
    assert (task["user_id"], task["username"], task["comment"]) == (1201, "astro1", "req 8f2c")
    assert (task["queuepos"], task["attempt_count"], task["request_type"]) == (0, 0, "FP")
    unset = ("result_url", "starttimestamp", "finishtimestamp", "error_msg", "waittime", "mpc_name")
    assert [task[name] for name in unset] == [None] * len(unset)
    assert list(task) == KEYS


def test_defaults_depend_on_the_encoding(atlas: AtlasServer) -> None:
    target = {"ra": 999, "dec": -400}  # the server does not check the range
    as_json = call(atlas, "POST", "/queue/", json=target).json()
    as_form = call(atlas, "POST", "/queue/", data=target).json()
    assert (as_json["send_email"], as_form["send_email"]) == (True, False)
    assert as_json["mjd_min"] == round(mjd(atlas.clock.time()) - 30, 5)
    assert as_json["mjd_max"] is None
    unbounded = call(atlas, "POST", "/queue/", json={**target, "mjd_min": None}).json()
    assert unbounded["mjd_min"] is None
    sent = call(atlas, "POST", "/queue/", data={**target, "send_email": "False"}).json()
    assert sent["send_email"] is False


def test_radeclist(atlas: AtlasServer) -> None:
    lines = "150.1 2.2\n150.1,-2.2\n14 03 38.56 +54 18 41.9\n00 00 01.0 -00 30 00.0\nmpc (12267)"
    answer = call(atlas, "POST", "/queue/", json={"radeclist": lines, "comment": "all"})
    assert answer.status_code == 201
    assert "Location" not in answer.headers
    tasks = answer.json()
    assert [(t["ra"], t["dec"]) for t in tasks[:2]] == [(150.1, 2.2), (150.1, -2.2)]
    assert tasks[2]["ra"] == pytest.approx(210.91067, abs=1e-4)
    assert tasks[2]["dec"] == pytest.approx(54.31164, abs=1e-4)
    assert tasks[3]["dec"] == -0.5
    assert (tasks[4]["mpc_name"], tasks[4]["ra"]) == ("(12267)", None)
    assert {t["comment"] for t in tasks} == {"all"}
    single = call(atlas, "POST", "/queue/", data={"radeclist": "1 1"})
    assert len(single.json()) == 1


def test_old_server(atlas: AtlasServer) -> None:
    new = submit(atlas)
    configure(atlas, old_server=True)
    old = submit(atlas, callback_url="http://ignored")
    assert set(new) - set(old) == OLD_KEYS_MISSING
    assert old["queuepos"] is None
    assert old["timestamp"].endswith("+00:00")
    assert show(atlas, old)["queuepos"] == 1
    assert call(atlas, "GET", "/taskrunnerstatus.json", None).status_code == 404
    page = call(atlas, "GET", old["url"], None, headers={"Accept": "*/*"})
    assert page.headers["Content-Type"].startswith("text/html")


# -- life


def test_life_of_a_task(atlas: AtlasServer) -> None:
    first, second, other = submit(atlas), submit(atlas), submit(atlas, OTHER)
    assert [first["queuepos"], second["queuepos"], other["queuepos"]] == [0, 1, 1]
    assert show(atlas, second)["queuepos"] == 2  # users take turns
    assert second["userqueuedtasks_on_submit"] == 1
    advance(atlas, 10)
    running = show(atlas, first)
    assert running["starttimestamp"]
    assert running["finishtimestamp"] is None
    assert show(atlas, second)["starttimestamp"] is None  # one task per user at a time
    assert show(atlas, other)["starttimestamp"]
    advance(atlas, 30)
    done = show(atlas, first)
    assert (done["finished"], done["queuepos"], done["attempt_count"]) == (True, None, 1)
    assert (done["waittime"], done["runtime"]) == (10.0, 30.0)
    assert done["result_url"] == f"{atlas.base_url}/static/results/job{done['id']}.txt"
    assert done["pdfplot_url"] == f"{done['url']}plot.pdf"
    assert show(atlas, second)["starttimestamp"]
    advance(atlas, 30)
    assert show(atlas, second)["finished"]


def test_skipped_time_gives_the_same_life(atlas: AtlasServer) -> None:
    first, second = submit(atlas), submit(atlas)
    advance(atlas, 3600)
    shown = [show(atlas, task) for task in (first, second)]
    assert [task["waittime"] for task in shown] == [10.0, 40.0]


def test_etag(atlas: AtlasServer) -> None:
    task = submit(atlas)
    etag = call(atlas, "GET", task["url"]).headers["ETag"]
    same = call(atlas, "GET", task["url"], headers={"If-None-Match": etag})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    advance(atlas, 10)
    changed = call(atlas, "GET", task["url"], headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_own_tasks_in_pages(atlas: AtlasServer) -> None:
    ids = [submit(atlas)["id"] for _ in range(8)]
    submit(atlas, OTHER)
    page = call(atlas, "GET", "/queue/").json()
    assert [task["id"] for task in page["results"]] == ids[:1:-1]
    assert (page["taskcount"], page["pagefirsttaskposition"], page["previous"]) == (8, 0, None)
    rest = call(atlas, "GET", page["next"]).json()
    assert [task["id"] for task in rest["results"]] == ids[1::-1]
    assert (rest["next"], rest["pagefirsttaskposition"]) == (None, 6)
    assert call(atlas, "GET", rest["previous"]).json() == page
    assert len(call(atlas, "GET", "/queue/?pagesize=100").json()["results"]) == 8
    advance(atlas, 10)
    started = call(atlas, "GET", "/queue/?started=true").json()
    assert [task["id"] for task in started["results"]] == ids[:1]
    assert call(atlas, "GET", "/queue/?cursor=%21").status_code == 404


@pytest.mark.parametrize(
    ("outcome", "error", "has_file"),
    [
        ("no_data", "No data returned", False),
        ("unparsable", "Could not parse the result file", False),
        ("head_only", None, True),
    ],
)
def test_outcome_by_position(atlas: AtlasServer, outcome: str, error: str | None, has_file: bool) -> None:
    spot = next(spot for spot in SEEDED_SPOTS if spot.outcome == outcome)
    task = finished(atlas, ra=spot.ra, dec=spot.dec)
    assert (task["finished"], task["error_msg"]) == (True, error)
    assert (task["result_url"] is not None, task["pdfplot_url"] is not None) == (has_file, has_file)
    if has_file:
        assert rows(call(atlas, "GET", task["result_url"], None).text) == []


def test_no_exposures_in_the_range(atlas: AtlasServer) -> None:
    early = finished(atlas, mjd_min=50000.0, mjd_max=50100.0)
    future = finished(atlas, mjd_min=90000.0, mjd_max=90100.0)
    assert [early["error_msg"], future["error_msg"]] == ["No data returned"] * 2


def test_retried_task(atlas: AtlasServer) -> None:
    task = submit(atlas, ra=40.0, dec=60.0)
    advance(atlas, 10)
    assert show(atlas, task)["attempt_count"] == 1
    advance(atlas, 15)
    again = show(atlas, task)
    assert (again["starttimestamp"], again["finished"], again["attempt_count"]) == (None, False, 1)
    advance(atlas, 40)
    done = show(atlas, task)
    assert (done["finished"], done["attempt_count"], done["error_msg"]) == (True, 2, None)


def test_slow_task_and_own_spots(atlas: AtlasServer) -> None:
    configure(atlas, spots=[{"ra": 150.0, "dec": 2.0, "outcome": "slow"}])
    task = submit(atlas, ra=150.0, dec=2.0)
    advance(atlas, 3 * 3600)
    assert not show(atlas, task)["finished"]
    advance(atlas, 3600 + 10)
    assert show(atlas, task)["finished"]


def test_stack_of_an_object_and_runner_status(atlas: AtlasServer) -> None:
    configure(atlas, runner_down=True)
    task = submit(atlas, ra=None, dec=None, mpc_name="Makemake", request_type="SSOSTACK")
    advance(atlas, 100)
    status = call(atlas, "GET", "/taskrunnerstatus.json").json()
    assert (status["running"], status["stale"], status["numslots"]) == (False, True, 16)
    assert (status["queued_task_count"], status["user_queued_task_count"]) == (1, 1)
    assert call(atlas, "GET", "/taskrunnerstatus.json", None).json()["user_queued_task_count"] == 0
    configure(atlas, runner_down=False)
    assert call(atlas, "GET", "/taskrunnerstatus.json").json()["slots_busy"] == 1
    advance(atlas, 100)
    assert show(atlas, task)["error_msg"] == "No image stack was produced."


def test_maintenance(atlas: AtlasServer) -> None:
    configure(atlas, maintenance=True)
    answer = call(atlas, "POST", "/queue/", json=SN)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert call(atlas, "GET", "/taskrunnerstatus.json", None).json()["maintenance"] is True


# -- change and removal


def test_change_before_the_start(atlas: AtlasServer) -> None:
    task = submit(atlas)
    changed = call(atlas, "PATCH", task["url"], json={"mjd_max": 60090.0})
    assert changed.status_code == 200
    assert (changed.json()["mjd_max"], changed.json()["mjd_min"]) == (60090.0, 60070.0)
    put = call(atlas, "PUT", task["url"], json={"ra": SN["ra"], "dec": SN["dec"], "comment": "c"})
    assert (put.json()["comment"], put.json()["mjd_max"]) == ("c", 60090.0)
    assert call(atlas, "PUT", task["url"], json={"comment": "d"}).status_code == 400
    reversed_dates = call(atlas, "PATCH", task["url"], json={"mjd_max": 60000.0})
    assert reversed_dates.json() == {
        "mjd_max": ["mjd_max must be greater than mjd_min (60070.0 was applied)."]
    }
    advance(atlas, 60)
    table = rows(call(atlas, "GET", show(atlas, task)["result_url"], None).text)
    assert max(float(row["MJD"]) for row in table) <= 60090


def test_change_after_the_start_has_no_effect(atlas: AtlasServer) -> None:
    task = submit(atlas)
    advance(atlas, 10)
    assert call(atlas, "PATCH", task["url"], json={"mjd_max": 60075.0}).status_code == 200
    advance(atlas, 30)
    shown = show(atlas, task)
    assert shown["mjd_max"] == 60075.0
    table = rows(call(atlas, "GET", shown["result_url"], None).text)
    assert max(float(row["MJD"]) for row in table) > 60100


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_only_the_owner_changes(atlas: AtlasServer, method: str) -> None:
    task = submit(atlas)
    answer = call(atlas, method, task["url"], OTHER, json=SN)
    assert (answer.status_code, answer.json()) == (
        403,
        {"detail": "You must be the owner of this object."},
    )
    assert call(atlas, method, task["url"], None, json=SN).status_code == 401
    gone = call(atlas, method, "/queue/99/", json=SN)
    assert (gone.status_code, gone.json()) == (404, {"detail": "No Task matches the given query."})
    assert show(atlas, task)["id"] == task["id"]


def test_delete_of_a_queued_and_of_a_running_task(atlas: AtlasServer) -> None:
    running, queued, last = submit(atlas), submit(atlas), submit(atlas)
    advance(atlas, 10)
    for task in (queued, running):
        answer = call(atlas, "DELETE", task["url"])
        assert (answer.status_code, answer.content) == (204, b"")
        gone = call(atlas, "GET", task["url"])
        assert (gone.status_code, gone.json()) == (404, {"detail": "No Task matches the given query."})
    advance(atlas, 14)
    assert show(atlas, last)["starttimestamp"] is None  # the stopped run still holds the user's turn
    advance(atlas, 1)
    assert show(atlas, last)["starttimestamp"]


def test_delete_of_a_finished_task_takes_the_results(atlas: AtlasServer) -> None:
    task = finished(atlas)
    assert call(atlas, "GET", task["result_url"], None).status_code == 200
    assert call(atlas, "DELETE", task["url"]).status_code == 204
    gone = call(atlas, "GET", task["url"])
    assert gone.status_code == 404
    assert "Page not found" in gone.text
    assert call(atlas, "GET", task["result_url"], None).status_code == 404


def test_expiry_after_31_days(atlas: AtlasServer) -> None:
    task = finished(atlas)
    advance(atlas, 30.9 * 86400)
    assert show(atlas, task)["finished"]
    advance(atlas, 0.2 * 86400)
    assert call(atlas, "GET", task["url"]).status_code == 404
    assert call(atlas, "GET", task["result_url"], None).status_code == 404


# -- results


def test_light_curve_of_a_supernova(atlas: AtlasServer) -> None:
    task = finished(atlas)
    answer = call(atlas, "GET", task["result_url"], None)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith("###MJD ")
    assert call(atlas, "GET", f"{task['url']}data.txt", None).text == answer.text
    table = rows(answer.text)
    assert all(60070 <= float(row["MJD"]) <= 60110 for row in table)
    good = [row for row in table if row["err"] == "0" and float(row["mag5sig"]) > 10]
    before = [float(row["uJy"]) for row in good if float(row["MJD"]) < 60083]
    after = [float(row["uJy"]) for row in good if float(row["MJD"]) > 60090]
    assert max(map(abs, before)) < 200
    assert min(after) > 50_000  # brighter than 12.2 mag
    for row in good:
        flux, magnitude = float(row["uJy"]), float(row["m"])
        assert (flux < 0) == (magnitude < 0)
        assert row["Obs"].endswith(row["F"])
        assert row["Obs"][3:8] == row["MJD"].partition(".")[0]
        assert abs(float(row["RA"]) - SN["ra"]) < 1e-5


def test_blemishes_and_template_eras(atlas: AtlasServer) -> None:
    task = finished(atlas, ra=150.1, dec=60.2, mjd_min=58300.0, mjd_max=59000.0)
    table = rows(call(atlas, "GET", task["result_url"], None).text)
    names = [row["Obs"] for row in table]
    assert len(names) > len(set(names))
    assert any(row["err"] != "0" for row in table)
    assert any(float(row["mag5sig"]) < 10 for row in table)
    assert {row["F"] for row in table} == {"c", "o", "w"}
    assert any(float(row["uJy"]) < 0 for row in table)

    def level(first: float, last: float) -> float:
        fluxes = sorted(
            float(r["uJy"])
            for r in table
            if r["F"] == "o"
            and r["err"] == "0"
            and float(r["mag5sig"]) > 10
            and first <= float(r["MJD"]) < last
        )
        return fluxes[len(fluxes) // 2]

    eras = [level(58300, 58417), level(58417, 58882), level(58882, 59000)]
    assert abs(eras[0] - eras[1]) > 20
    assert abs(eras[1] - eras[2]) > 10
    assert abs(eras[2]) < 10


def test_same_exposure_same_row(atlas: AtlasServer) -> None:
    wide = finished(atlas)
    narrow = finished(atlas, mjd_min=60090.0, mjd_max=60100.0)
    texts = [call(atlas, "GET", task["result_url"], None).text for task in (wide, narrow)]
    assert len(texts[1].splitlines()) > 1
    assert set(texts[1].splitlines()) < set(texts[0].splitlines())


def test_reduced_images_hold_the_host(atlas: AtlasServer) -> None:
    changes = {"ra": 150.1, "dec": 60.2, "mjd_min": 60000.0, "mjd_max": 60040.0}
    tables = [
        rows(call(atlas, "GET", finished(atlas, **changes, use_reduced=r)["result_url"], None).text)
        for r in (False, True)
    ]
    medians = [sorted(float(row["uJy"]) for row in table)[len(table) // 2] for table in tables]
    assert medians[1] > medians[0] + 30


def test_moving_object_moves(atlas: AtlasServer) -> None:
    task = finished(atlas, ra=None, dec=None, mpc_name="(12267)", mjd_min=60000.0, mjd_max=60300.0)
    table = rows(call(atlas, "GET", task["result_url"], None).text)
    assert len({row["RA"] for row in table}) > 4


def test_plot_preview_and_images(atlas: AtlasServer) -> None:
    task = finished(atlas)
    plot = call(atlas, "GET", task["pdfplot_url"], None)
    assert (plot.status_code, plot.headers["Retry-After"]) == (503, "30")
    advance(atlas, 30)
    assert call(atlas, "GET", task["pdfplot_url"], None).content.startswith(b"%PDF-")
    assert call(atlas, "GET", task["previewimage_url"], None).content.startswith(b"\xff\xd8")
    asked = call(atlas, "POST", f"{task['url']}requestimages/")
    new_id = int(asked.headers["Location"].removeprefix("/forcedphot/queue/?newids="))
    assert asked.status_code == 302
    advance(atlas, 60)
    packed = call(atlas, "GET", f"/queue/{new_id}/").json()
    assert (packed["request_type"], packed["parent_task_id"], packed["finished"]) == (
        "IMGZIP",
        task["id"],
        True,
    )
    assert call(atlas, "GET", packed["result_imagezip_url"], None).content.startswith(b"PK")
    assert show(atlas, task)["imagerequest_task_id"] == new_id
    for _ in range(4):
        assert call(atlas, "POST", f"{task['url']}requestimages/").status_code == 302
    limited = call(atlas, "POST", f"{task['url']}requestimages/")
    assert limited.status_code == 429
    assert limited.json()["non_field_errors"].startswith("You have too many IMGZIP tasks (5 >= 5).")


# -- call-back


class Receiver:
    """Takes one POST at a time and keeps what came."""

    def __init__(self, status: int) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.came = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.seen.append((self.path, self.headers["User-Agent"], body))
                self.send_response(status)
                self.send_header("Location", "/again")
                self.end_headers()
                receiver.came.set()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.mark.parametrize("status", [200, 302, 500])
def test_call_back_comes_once(atlas: AtlasServer, status: int) -> None:
    receiver = Receiver(status)
    configure(atlas, callback_allow=[receiver.url])
    task = submit(atlas, callback_url=f"{receiver.url}/unguessable")
    assert task["callback_url"] == f"{receiver.url}/unguessable"
    advance(atlas, 60)
    assert receiver.came.wait(20)
    wait_for_outcome(atlas, f"answered {status}")
    advance(atlas, 3600)
    receiver.server.shutdown()
    receiver.server.server_close()
    ((path, agent, body),) = receiver.seen
    assert (path, agent) == ("/unguessable", "atlasserver-forcedphot-callback")
    sent = json.loads(body)
    assert sent == {
        "task_id": task["id"],
        "task_url": task["url"],
        "request_type": "FP",
        "finishtimestamp": show(atlas, task)["finishtimestamp"],
        "error_msg": None,
        "success": True,
    }


def wait_for_outcome(atlas: AtlasServer, outcome: str) -> None:
    def outcomes() -> list[str]:
        return [call["outcome"] for call in requests.get(f"{atlas.url}/_callbacks", timeout=10).json()]

    until(lambda: outcomes() and "calling" not in outcomes())
    assert outcomes() == [outcome]


def test_call_back_to_a_dead_address(atlas: AtlasServer) -> None:
    configure(atlas, callback_allow=["http://127.0.0.1:9/"])
    task = submit(atlas, callback_url="http://127.0.0.1:9/x")
    advance(atlas, 60)
    wait_for_outcome(atlas, "failed: ConnectionError")
    assert show(atlas, task)["finished"]


def test_settings_that_make_no_sense(atlas: AtlasServer) -> None:
    for settings in ({"colour": 1}, {"spots": [{"ra": 1, "dec": 1, "outcome": "odd"}]}):
        assert requests.post(f"{atlas.url}/_config", json=settings, timeout=10).status_code == 400
    configure(atlas, wait_s=0, run_s=0)
    assert show(atlas, submit(atlas))["finished"]
    requests.post(f"{atlas.url}/_reset", timeout=10)
    assert call(atlas, "GET", "/queue/").json()["taskcount"] == 0
