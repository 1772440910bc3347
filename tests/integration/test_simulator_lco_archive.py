"""The archive beside the portal: when frames appear, for whom, under which id, and how they are fetched."""

from __future__ import annotations

import hashlib
import io
import math
import tarfile
from collections.abc import Iterator
from typing import Any, cast

import pytest
import requests
from astropy.io.fits import HDUList

from local.simulators.observation_portal.accounts import (
    CONTRACT_TOKEN,
    DEMO_ARCHIVE_TOKEN,
    DEMO_TOKEN,
    OUTSIDER_TOKEN,
)
from tests.contract.bodies import floyds, muscat, sinistro
from tests.contract.spoiling import FIRST_EXPOSURE, put
from tests.integration.lco_simulator import RECORDED_SCENE, Client, running

JSON = dict[str, Any]


@pytest.fixture
def client() -> Iterator[Client]:
    with running() as started:
        yield started


def observed(client: Client, body: JSON, wait: float = 1000) -> JSON:
    """A completed group whose e91 frames have arrived."""
    group = client.submit(body)
    assert client.advance(group, "completed").status_code == 200
    client.wait(wait)
    return group


def child_id(group: JSON) -> int:
    """The id the archive knows."""
    found: int = group["requests"][0]["id"]
    return found


def opened(frame: JSON) -> HDUList:
    """A downloaded FITS file."""
    content = requests.get(frame["url"], timeout=20).content
    return cast(HDUList, HDUList.fromstring(content))  # type: ignore[no-untyped-call]


def frames(client: Client, group: JSON, **arguments: Any) -> list[JSON]:
    """The frames of a group's first request."""
    rows: list[JSON] = client.archive("/frames/", request_id=child_id(group), **arguments).json()["results"]
    return rows


def test_frames_appear_some_time_after_completion(client: Client) -> None:
    group = client.submit(sinistro(RECORDED_SCENE))
    client.advance(group, "in_progress")
    client.wait(3600)
    assert frames(client, group) == []
    client.advance(group, "completed")
    assert frames(client, group) == []
    client.wait(310)
    assert {row["reduction_level"] for row in frames(client, group)} == {0}
    client.wait(600)
    assert [row["reduction_level"] for row in frames(client, group, reduction_level=91)] == [91, 91]


def test_a_failed_attempt_leaves_no_frames(client: Client) -> None:
    group = client.submit(sinistro(RECORDED_SCENE))
    client.advance(group, "failed_attempt")
    client.wait(100_000)
    assert frames(client, group) == []


def test_frames_are_filed_under_the_child_request(client: Client) -> None:
    group = observed(client, sinistro(RECORDED_SCENE))
    rows = frames(client, group, RLEVEL=91, include_related_frames="false")
    assert {row["primary_optical_element"] for row in rows} == {"gp", "rp"}
    [row] = [row for row in rows if row["FILTER"] == "gp"]
    assert (row["request_id"], row["REQNUM"]) == (child_id(group), child_id(group))
    assert (row["proposal_id"], row["OBSTYPE"], row["EXPTIME"]) == ("TEST_PROPOSAL", "EXPOSE", 300.0)
    assert row["observation_id"] == client.observations(group)[0]["id"]
    assert row["filename"] == row["basename"] + ".fits.fz"
    assert "related_frames" not in row
    for key in ("request_id", "REQNUM"):
        assert client.archive("/frames/", **{key: group["id"]}).json()["count"] == 0


def test_filters_by_either_name(client: Client) -> None:
    group = observed(client, floyds(RECORDED_SCENE), wait=30_000)
    assert len(frames(client, group)) == 6
    assert len(frames(client, group, OBSTYPE="ARC", reduction_level=0)) == 2
    assert len(frames(client, group, configuration_type="SPECTRUM", RLEVEL=0)) == 1
    assert len(frames(client, group, exclude_calibrations="true")) == 2
    assert len(frames(client, group, SITEID="lsc")) == 0
    assert len(frames(client, group, start="2026-12-24")) == 0
    assert client.archive("/frames/", request_id="abc").status_code == 400


def test_without_token_only_public_frames(client: Client) -> None:
    group = observed(client, sinistro(RECORDED_SCENE))
    public = client.archive("/frames/", None)
    assert public.status_code == 200
    assert public.json()["count"] > 100
    assert client.archive("/frames/", None, request_id=child_id(group)).json()["results"] == []
    assert client.archive("/frames/", OUTSIDER_TOKEN, request_id=child_id(group)).json()["results"] == []


def test_a_bad_token_is_401(client: Client) -> None:
    bad = client.archive("/frames/", "nonsense")
    assert (bad.status_code, bad.json()) == (401, {"detail": "Invalid token."})
    assert bad.headers["WWW-Authenticate"] == "Token"
    bearer = requests.get(
        f"{client.archive_url}/frames/", headers={"Authorization": "Bearer nonsense"}, timeout=20
    )
    assert (bearer.status_code, bearer.json()) == (401, {"detail": "No Such User"})


def test_both_tokens_open_the_archive_and_one_the_portal(client: Client) -> None:
    body = sinistro(RECORDED_SCENE) | {"proposal": "LCO2026B-001"}
    group = observed(client, body)
    for token in (DEMO_TOKEN, DEMO_ARCHIVE_TOKEN):
        assert client.archive("/frames/", token, request_id=child_id(group)).json()["count"] == 4
    assert client.call("GET", "/api/profile/", DEMO_ARCHIVE_TOKEN).status_code == 403
    login = requests.post(
        f"{client.archive_url}/api-token-auth/",
        data={"username": "demo", "password": "password"},
        timeout=20,
    )
    assert login.json() == {"token": DEMO_ARCHIVE_TOKEN}


def test_pages_of_a_hundred_and_at_most_a_thousand(client: Client) -> None:
    body = sinistro(RECORDED_SCENE, ("gp",))
    put(f"{FIRST_EXPOSURE}.exposure_count", 520)(body, RECORDED_SCENE)
    put(f"{FIRST_EXPOSURE}.exposure_time", 1)(body, RECORDED_SCENE)
    group = observed(client, body)
    first = client.archive("/frames/", request_id=child_id(group)).json()
    assert (first["count"], len(first["results"]), first["count_estimated"]) == (1040, 100, False)
    most = client.archive("/frames/", request_id=child_id(group), limit=5000).json()
    assert len(most["results"]) == 1000
    rest = requests.get(most["next"], headers={"Authorization": f"Token {CONTRACT_TOKEN}"}, timeout=20).json()
    assert (len(rest["results"]), rest["next"]) == (40, None)
    ids = [row["id"] for row in most["results"] + rest["results"]]
    assert len(set(ids)) == 1040
    cursor = client.archive("/frames/", request_id=child_id(group), pagination_style="cursor").json()
    assert set(cursor) == {"next", "previous", "results"}
    assert "cursor=" in cursor["next"]


def test_a_frame_downloads_without_a_second_authentication(client: Client) -> None:
    group = observed(client, sinistro(RECORDED_SCENE))
    row = frames(client, group, reduction_level=91, primary_optical_element="gp")[0]
    got = requests.get(row["url"], timeout=20)
    assert got.status_code == 200
    assert hashlib.md5(got.content).hexdigest() == row["version_set"][0]["md5"]
    twice = requests.get(row["url"], headers={"Authorization": f"Token {CONTRACT_TOKEN}"}, timeout=20)
    assert (twice.status_code, "InvalidArgument" in twice.text) == (400, True)
    forged = requests.get(row["url"].replace("X-Amz-Date=2026", "X-Amz-Date=2027"), timeout=20)
    assert (forged.status_code, "SignatureDoesNotMatch" in forged.text) == (403, True)
    bare = requests.get(row["url"].split("?")[0], timeout=20)
    assert bare.status_code == 403


def test_a_link_lives_for_48_hours(client: Client) -> None:
    group = observed(client, sinistro(RECORDED_SCENE))
    row = frames(client, group)[0]
    client.wait(172_700)
    assert requests.get(row["url"], timeout=20).status_code == 200
    client.wait(200)
    stale = requests.get(row["url"], timeout=20)
    assert (stale.status_code, "expired" in stale.text) == (403, True)
    fresh = client.archive(f"/frames/{row['id']}/").json()
    assert requests.get(fresh["url"], timeout=20).status_code == 200


def test_the_file_is_fits_with_sources(client: Client) -> None:
    group = observed(client, sinistro(RECORDED_SCENE))
    row = frames(client, group, reduction_level=91, FILTER="gp")[0]
    with opened(row) as units:
        units.verify("exception")
        header, sources = units["SCI"].header, units["CAT"].data
        assert (header["FILTER"], header["REQNUM"], header["EXPTIME"]) == ("gp", child_id(group), 300.0)
        assert header["GROUPID"] == group["name"]
        nearest = min(sources, key=lambda source: abs(source["ra"] - RECORDED_SCENE.ra))
        assert nearest["dec"] == pytest.approx(RECORDED_SCENE.dec)
        instrumental = -2.5 * math.log10(nearest["flux"] / header["EXPTIME"]) + header["L1ZP"]
        assert instrumental == pytest.approx(nearest["mag"])
    headers = client.archive(f"/frames/{row['id']}/headers/").json()["data"]
    assert headers["L1ZP"] == header["L1ZP"]


def test_a_filter_without_zero_point(client: Client) -> None:
    group = observed(client, sinistro(RECORDED_SCENE, ("Y",)))
    row = frames(client, group, reduction_level=91)[0]
    with opened(row) as units:
        assert "L1ZP" not in units["SCI"].header
        assert "mag" not in units["CAT"].columns.names


def test_muscat_leaves_four_frames_an_exposure(client: Client) -> None:
    group = observed(client, muscat(RECORDED_SCENE))
    rows = frames(client, group, reduction_level=91)
    assert {row["primary_optical_element"] for row in rows} == {"gp", "rp", "ip", "zs"}
    assert len({row["instrument_id"] for row in rows}) == 4


def test_floyds_tarball_comes_after_the_night(client: Client) -> None:
    group = observed(client, floyds(RECORDED_SCENE))
    assert frames(client, group, reduction_level=90) == []
    client.wait(6 * 3600)
    [row] = frames(client, group, reduction_level=90)
    assert (row["filename"][-7:], row["configuration_type"]) == (".tar.gz", "SPECTRUM")
    packed = requests.get(row["url"], timeout=20).content
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        merged = [name for name in tar.getnames() if "merge" in name]
        assert len(merged) == 2


def test_the_raw_frame_is_related(client: Client) -> None:
    group = observed(client, sinistro(RECORDED_SCENE, ("gp",)))
    [reduced] = frames(client, group, reduction_level=91)
    [raw] = client.archive(f"/frames/{reduced['id']}/related/").json()
    assert (raw["id"], raw["reduction_level"]) == (reduced["related_frames"][0], 0)
    assert client.archive(f"/frames/{raw['id']}/", OUTSIDER_TOKEN).status_code == 404


def test_the_archive_has_its_own_throttle_and_slash(client: Client) -> None:
    client.simulator.archive.throttle.limits["anonymous"] = 1
    assert client.archive("/frames/", None).status_code == 200
    throttled = client.archive("/frames/", None)
    assert throttled.status_code == 429
    assert int(throttled.headers["Retry-After"]) == 86_400
    assert client.archive("/frames").status_code == 301
