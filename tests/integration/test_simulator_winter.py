"""The WINTER simulator keeps the rules of winter.md: who may ask, what is refused, how schedules live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.simulators.winter import (
    KEY,
    PASSWORD,
    PROGRAMME,
    TIGHT_KEY,
    TIGHT_PROGRAMME,
    USER,
    WinterServer,
    sky,
)
from tests.integration.winter_bench import NOW
from tests.support.frozen import FrozenClock

JSON = dict[str, Any]
TARGET: JSON = {
    "ra_deg": 210.910674637,
    "dec_deg": 54.311651,
    "filters": ["J"],
    "target_name": "ZTF26aaabcde",
}
ALLOWED = {"program_name": PROGRAMME, "program_api_key": KEY}


@pytest.fixture
def winter() -> Iterator[WinterServer]:
    server = WinterServer(FrozenClock(NOW))
    server.start()
    yield server
    server.stop()


def call(server: WinterServer, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
    return requests.request(
        method,
        f"{server.url}{path}",
        params={**ALLOWED, **query},
        data=None if body is None else json.dumps(body),
        auth=(USER, PASSWORD),
        timeout=10,
    )


def trigger(
    server: WinterServer, *changes: JSON, camera: str = "winter", real: str = "True"
) -> requests.Response:
    body = [{**TARGET, **each} for each in changes or ({},)]
    return call(server, "POST", f"/too/{camera}", body, submit_trigger=real)


def name_of(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    message: str = answer.json()["msg"]
    return message.split("'")[1]


def test_only_some_calls_are_open(winter: WinterServer) -> None:
    assert requests.get(f"{winter.url}/ping", timeout=10).status_code == 200
    assert requests.get(f"{winter.url}/validation/version", timeout=10).json()["body"] == "1.4.0"
    for path in ("/validation/user", "/validation/program", "/too/summary", "/too/details", "/images/query"):
        answer = requests.get(f"{winter.url}{path}", params=ALLOWED, auth=(USER, "wrong"), timeout=10)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Incorrect email or password"})
        assert requests.get(f"{winter.url}{path}", params=ALLOWED, timeout=10).status_code == 401
    assert call(winter, "GET", "/too/autumn").json() == {"detail": "Not Found"}
    assert call(winter, "GET", "/too/winter").status_code == 405


def test_a_programme_needs_its_key(winter: WinterServer) -> None:
    found = call(winter, "GET", "/validation/program").json()["body"]
    assert (found["progname"], found["maxpriority"]) == (PROGRAMME, 100.0)
    for wrong in ({"program_api_key": TIGHT_KEY}, {"program_name": "2020A000"}):
        answer = call(winter, "GET", "/validation/program", **wrong)
        assert answer.json() == {"detail": "Program credentials not found in database"}
    assert call(winter, "GET", "/validation/user", program_name="x").status_code == 200
    missing = requests.get(f"{winter.url}/too/summary", auth=(USER, PASSWORD), timeout=10)
    assert (missing.status_code, missing.json()["detail"][0]["loc"]) == (422, ["query", "program_name"])


def test_defaults_of_each_camera(winter: WinterServer) -> None:
    winter_row = {key: column["0"] for key, column in trigger(winter).json()["body"].items()}
    spring_row = {key: column["0"] for key, column in trigger(winter, camera="spring").json()["body"].items()}
    keys = ("camera", "visitExpTime", "singleExpTime", "ditherNumber", "ditherStepSize", "bestDetector")
    assert [winter_row[key] for key in keys] == ["winter", 960.0, 120.0, 8, 90.0, True]
    assert [spring_row[key] for key in keys] == ["spring", 900.0, 30.0, 30, 60.0, True]
    assert (winter_row["fieldID"], winter_row["validStop"] - winter_row["validStart"]) == (999999999, 7.0)


@pytest.mark.parametrize(
    ("changes", "place", "kind"),
    [
        ({"filters": ["V"]}, ["filters", 0], "literal_error"),
        ({"t_exp": 960}, ["t_exp"], "extra_forbidden"),
        ({"n_exp": 1}, ["n_exp"], "extra_forbidden"),
        ({"camera": "spring"}, ["camera"], "literal_error"),
        ({"ra_deg": 360.1}, ["ra_deg"], "less_than_equal"),
        ({"dec_deg": -90.1}, ["dec_deg"], "greater_than_equal"),
        ({"dec_deg": None}, ["dec_deg"], "float_type"),
        ({"target_name": ""}, ["target_name"], "string_too_short"),
        ({"target_name": "x" * 31}, ["target_name"], "string_too_long"),
        ({"total_exposure_time": 0.5}, ["total_exposure_time"], "greater_than_equal"),
        ({"n_dither": 0}, ["n_dither"], "greater_than_equal"),
        ({"n_repetitions": 0}, ["n_repetitions"], "greater_than_equal"),
        ({"dither_distance": -1}, ["dither_distance"], "greater_than_equal"),
        ({"max_airmass": 5.5}, ["max_airmass"], "less_than_equal"),
        ({"target_priority": -1}, ["target_priority"], "greater_than_equal"),
        ({"field_id": 5}, ["ra_deg"], "extra_forbidden"),
    ],
)
def test_the_model_is_kept(winter: WinterServer, changes: JSON, place: list[Any], kind: str) -> None:
    answer = trigger(winter, {}, changes)
    assert answer.status_code == 422
    first = answer.json()["detail"][0]
    assert (first["type"], first["loc"]) == (kind, ["body", 1, *place])
    assert winter.store.schedules == {}


@pytest.mark.parametrize(
    ("raw", "kind"), [(b"{", "json_invalid"), (b"", "missing"), (b"{}", "list_type"), (b"[1]", "model_type")]
)
def test_a_body_that_is_no_list_of_targets(winter: WinterServer, raw: bytes, kind: str) -> None:
    answer = requests.post(f"{winter.url}/too/winter", raw, params=ALLOWED, auth=(USER, PASSWORD), timeout=10)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, kind)


def test_the_sky_decides_by_the_night_of_both_ends(winter: WinterServer) -> None:
    """A target of the winter sky, up in December and by day in June."""
    orion = {"ra_deg": 83.6, "dec_deg": -5.4}
    assert trigger(winter, orion).status_code == 200
    long = {**orion, "end_time_mjd": 61375.2 + 190}
    answer = trigger(winter, long)
    assert answer.status_code == 400
    assert "not visible on requested date 2027-06-0" in answer.json()["detail"]
    assert trigger(winter, {"dec_deg": -37.0}).status_code == 400
    assert trigger(winter, {"dec_deg": 89.0, "end_time_mjd": 61375.2 + 190}).status_code == 200


def test_a_programme_with_little_left(winter: WinterServer) -> None:
    tight = {"program_name": TIGHT_PROGRAMME, "program_api_key": TIGHT_KEY}
    answer = call(winter, "POST", "/too/winter", [TARGET], submit_trigger="true", **tight)
    assert answer.json()["detail"] == (
        "Sum of time used (1.0h) plus request duration (0.3h including overhead of 12%) exceeds total "
        "allocated program time (1.2h)."
    )
    small = {**TARGET, "total_exposure_time": 80, "target_priority": 70}
    answer = call(winter, "POST", "/too/winter", [small], submit_trigger="1", **tight)
    assert answer.json()["detail"] == "Target priority (70.0 exceeds maximum allowed value of 60.0. "


def test_fields_of_the_grid(winter: WinterServer) -> None:
    field = {"field_id": 3944, "filters": ["J"], "target_name": "field_3944"}
    answer = call(winter, "POST", "/too/winter", [field, TARGET], submit_trigger="False")
    body = answer.json()["body"]
    assert list(body["fieldID"].values()) == [3944, 999999999]
    assert (body["raDeg"]["0"], body["decDeg"]["0"]) == sky.field_centre(3944)
    for unused in (13, 41170):
        assert call(winter, "POST", "/too/winter", [{**field, "field_id": unused}]).status_code == 400
    assert call(winter, "POST", "/too/spring", [field]).status_code == 422
    assert "both" in trigger(winter, {"use_field_grid": True}).json()["detail"]
    assert "Spring" in trigger(winter, {"use_field_grid": True}, camera="spring").json()["detail"]
    moved = trigger(winter, {"use_field_grid": True, "use_best_detector": False}).json()["body"]
    assert abs(moved["decDeg"]["0"] - TARGET["dec_deg"]) <= 0.5


@pytest.mark.parametrize("spelling", ["False", "false", "0", "no", "off"])
def test_a_validation_saves_nothing(winter: WinterServer, spelling: str) -> None:
    answer = trigger(winter, real=spelling)
    assert answer.json()["msg"] == (
        "Request passed validation! Triggering was set to False. Schedule was not saved to disk and has "
        "no assigned name."
    )
    assert winter.store.schedules == {}
    assert trigger(winter, real="maybe").status_code == 422


def test_a_second_trigger_in_a_second_replaces_the_first(winter: WinterServer) -> None:
    first = name_of(trigger(winter))
    assert first == "request_2026B001_2026_11_30_21_00_00"
    assert name_of(trigger(winter, {"target_name": "SN 2023ixf"})) == first
    winter.clock.advance(1)
    assert name_of(trigger(winter)) != first
    body = call(winter, "GET", "/too/summary").json()["body"]
    assert body["target_names"] == {"2": ["SN 2023ixf"], "3": ["ZTF26aaabcde"]}


def test_the_life_of_a_schedule(winter: WinterServer) -> None:
    requests.post(f"{winter.url}/_config", json={"visible_after_s": 10}, timeout=10)
    name = name_of(trigger(winter, {"filters": ["J", "Hs"]}))
    assert call(winter, "GET", "/too/summary").json()["body"] == {}
    assert call(winter, "DELETE", "/too/delete", schedule_name=name).status_code == 404
    winter.clock.advance(10)
    row = {key: column["2"] for key, column in call(winter, "GET", "/too/summary").json()["body"].items()}
    assert row == {
        "prog_name": PROGRAMME,
        "attempted_frac": 0.0,
        "too_schedule_name": name,
        "target_names": ["ZTF26aaabcde"],
        "n_entries": 2,
        "total_time_hours": 0.533333,
        "window_start": "2026-12-01 05:00:00.000",
        "window_end": "2026-12-08 05:00:00.000",
    }
    requests.post(f"{winter.url}/_observe", json={"schedule_name": name, "rows": 1}, timeout=10)
    details = call(winter, "GET", "/too/details", schedule_name=name).json()
    assert details["msg"] == f"Returning details of schedule {name}"
    assert (details["body"]["observed"], details["body"]["bestDetector"]["0"]) == ({"0": 1, "1": 0}, 1)
    assert call(winter, "GET", "/too/summary").json()["body"]["attempted_frac"] == {"2": 0.5}
    winter.clock.advance(8 * 86400)
    assert call(winter, "GET", "/too/summary").json()["body"] == {}
    assert call(winter, "GET", "/too/summary", include_archived="True").json()["body"]["n_entries"] == {
        "2": 2
    }
    assert call(winter, "DELETE", "/too/delete", schedule_name=name).json()["msg"] == f"Deleted {name}"
    assert call(winter, "GET", "/too/details", schedule_name=name).status_code == 404


def test_the_telescope_works_by_itself_if_told(winter: WinterServer) -> None:
    requests.post(f"{winter.url}/_config", json={"observe_every_s": 600}, timeout=10)
    name_of(trigger(winter, {"filters": ["J", "Hs"]}))
    seen = []
    for _ in range(3):
        seen.append(call(winter, "GET", "/too/summary").json()["body"]["attempted_frac"]["2"])
        winter.clock.advance(600)
    assert seen == [0.0, 0.5, 1.0]


def test_images_of_what_was_attempted(winter: WinterServer) -> None:
    name = name_of(trigger(winter, {"filters": ["J", "Hs"]}))
    query: JSON = {"program_name": PROGRAMME, "start_date": 20261130, "end_date": 20261201}

    def images(**more: Any) -> list[str]:
        answer = call(winter, "GET", "/images/query", [{**query, **more}], instrument="winter")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["body"].get("savepath", {}).values())

    assert images() == []
    requests.post(f"{winter.url}/_observe", json={"schedule_name": name}, timeout=10)
    assert (len(images()), len(images(image_type="exposure")), len(images(image_type="avro"))) == (12, 2, 2)
    assert len(images(target_name="ZTF26aaabcde")) == 12
    assert images(target_name="SN 2023ixf") == []
    assert len(images(ra=210.9, dec=54.3, radius_deg=0.1)) == 2
    assert images(ra_min=10, ra_max=11, dec_min=0, dec_max=1) == []
    assert images(start_date=20261101, end_date=20261129) == []
    for wrong in (
        {"end_date": 20261202},
        {"program_name": TIGHT_PROGRAMME},
        {"start_date": 20261201, "end_date": 20261130},
    ):
        assert call(winter, "GET", "/images/query", [{**query, **wrong}]).status_code == 400
    for wrong in ({"radius_deg": 91}, {"image_type": "jpeg"}, {"colour": 1}):
        assert call(winter, "GET", "/images/query", [{**query, **wrong}]).status_code == 422
    paths = images()
    requests.post(f"{winter.url}/_config", json={"missing": [paths[0].rpartition("/")[2]]}, timeout=10)
    asked = [{"path": path} for path in paths[:3]]
    answer = call(winter, "GET", "/images/download_list", asked, image_type="stack", instrument="winter")
    assert answer.content.startswith(b"PK")
    assert (answer.headers["total-images"], answer.headers["missing-images"]) == ("3", "1")
    assert answer.headers["content-disposition"].startswith(
        "attachment; filename=WINTER_images_stack_2026_12_01_"
    )


def test_settings_that_make_no_sense(winter: WinterServer) -> None:
    assert requests.post(f"{winter.url}/_config", json={"colour": 1}, timeout=10).status_code == 400
    trigger(winter)
    requests.post(f"{winter.url}/_reset", timeout=10)
    assert call(winter, "GET", "/too/summary").json()["body"] == {}
