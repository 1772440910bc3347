"""SEDM's spectra and files: what is kept of them, and how long they are looked for."""

from __future__ import annotations

import base64
import json
import math
from datetime import timedelta
from typing import Any

import pytest

from sedm import files, following, spectra
from slew.errors import Invalid, Rejected
from slew.facility import Message
from slew.status import Status
from tests.sedm_orders import FACILITY, NOW, TOKEN, order_of

ASCII = "# EXPTIME: 2250.0\n# QUALITY: 0\n# OTHER: x\n4000.0 1.0e-15 1.0e-32\n4025.0 2.0e-15 4.0e-32\n"


def message(body: Any, path: str) -> Message:
    return Message(path, {"authorization": f"token {TOKEN}"}, json.dumps(body).encode())


def spectrum(**changes: Any) -> Message:
    content = {"followup_request_id": 900123, "filename": "spec_x.txt", "ascii": ASCII, **changes}
    return message(content, "api/spectrum/ascii")


def test_a_spectrum_is_kept_as_it_came_and_with_errors() -> None:
    progress = FACILITY.receive(order_of(status=Status.SUBMITTED), spectrum(observed_at="2026-12-02T07:29Z"))
    assert progress.status is None
    assert progress.next_poll_s is not None
    raw, table = progress.products or ()
    assert (raw["name"], raw["kind"], raw["content_type"]) == ("spec_x.txt", "spectrum", "text/plain")
    assert raw["header"] == {"EXPTIME": "2250.0", "QUALITY": "0"}
    assert progress.files["spec_x.txt"] == ASCII.encode()
    assert table["name"] == "spec_x.errors.csv"
    lines = progress.files["spec_x.errors.csv"].decode().splitlines()
    assert lines[0] == "wavelength_angstrom,flux,flux_err"
    assert [float(cell) for cell in lines[1].split(",")] == pytest.approx([4000, 1e-15, 1e-16])
    assert len(lines) == 3


def test_the_same_again_is_one_and_another_content_two() -> None:
    first = FACILITY.receive(order_of(), spectrum())
    again = FACILITY.receive(order_of(facility_data=first.data), spectrum())
    assert [each["name"] for each in again.products or ()] == ["spec_x.txt", "spec_x.errors.csv"]
    other = FACILITY.receive(order_of(facility_data=first.data), spectrum(ascii=f"{ASCII}4050 1e-15 1e-32\n"))
    names = [each["name"] for each in other.products or ()]
    assert len(names) == 4
    assert names[2].startswith("spec_x-")
    assert names[3] == names[2].replace(".txt", ".errors.csv")


@pytest.mark.parametrize("text", ["# only a header\n", "1 2\n3 4\n", "a b c\n"])
def test_a_file_that_is_no_table_is_still_kept(text: str) -> None:
    progress = FACILITY.receive(order_of(), spectrum(ascii=text))
    assert list(progress.files) == ["spec_x.txt"]


def test_a_negative_variance_has_no_root() -> None:
    table = spectra.with_errors("4000 1e-15 -1\n")
    assert table is not None
    assert math.isnan(float(table.decode().splitlines()[1].split(",")[2]))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/tmp/x y.txt", "", "...", "ü.txt", "x" * 500])
def test_names_are_fit_for_files(name: str) -> None:
    (found, *_) = FACILITY.receive(order_of(), spectrum(filename=name)).products or ()
    assert found["name"]
    assert not set(found["name"]) & set("/\\ ")
    assert not found["name"].startswith(".")
    assert len(found["name"]) <= 140


def test_bad_spectra() -> None:
    for changes in ({"ascii": None}, {"ascii": "  "}, {"ascii": [1]}):
        with pytest.raises(Invalid, match="ascii"):
            FACILITY.receive(order_of(), spectrum(**changes))
    full = {f"{index}.txt": {"kind": "spectrum"} for index in range(100)}
    with pytest.raises(Invalid, match="more than 100 files"):
        FACILITY.receive(order_of(facility_data={"products": full}), spectrum())


def test_comments_and_annotations() -> None:
    attachment = {"body": base64.b64encode(b"PNG").decode(), "name": "plot.png"}
    path = "api/spectra/900123/comments"
    plot = FACILITY.receive(order_of(), message({"text": "report", "attachment": attachment}, path))
    assert [(each["name"], each["kind"]) for each in plot.products or ()] == [("plot.png", "image")]
    assert plot.files == {"plot.png": b"PNG"}
    words = FACILITY.receive(order_of(), message({"text": "only words"}, path))
    assert (words.text, words.files) == ("comments: only words", {})
    with pytest.raises(Invalid, match="base64"):
        FACILITY.receive(order_of(), message({"attachment": {"body": "%", "name": "x"}}, path))
    found = {"origin": "sedm:SNID", "data": {"match": "Ia-norm", "redshift": "0.031"}}
    noted = FACILITY.receive(order_of(), message(found, "api/spectra/900123/annotations"))
    assert noted.text == "sedm:SNID: match Ia-norm, redshift 0.031"
    assert noted.data["annotations"] == {"sedm:SNID": found["data"]}
    for data in (None, {"x": "y" * 5000}):
        with pytest.raises(Invalid, match="data"):
            FACILITY.receive(order_of(), message({**found, "data": data}, "api/spectra/900123/annotations"))


# ---- the end, and files


def test_without_an_account_only_the_end_is_waited_for() -> None:
    order = order_of(altdata={"listener_token": TOKEN}, status=Status.SUBMITTED)
    end = following.window(order)[1]
    assert end == NOW.replace(hour=0) + timedelta(days=8)
    pause = following.pause_s(order, Status.SUBMITTED)
    assert pause == (end + following.GRACE - NOW).total_seconds()
    assert following.pause_s(order, Status.COMPLETE) is None
    assert following.pause_s(order_of(), Status.SUBMITTED) == following.EVERY_S
    assert following.pause_s(order_of(), Status.COMPLETE) == following.EVERY_S


def test_the_window_is_the_one_that_was_sent() -> None:
    order = order_of(facility_data={"startdate": "2026-12-01", "enddate": "2026-12-02"})
    assert [f"{each:%m-%d}" for each in following.window(order)] == ["12-01", "12-03"]


@pytest.mark.parametrize(
    ("name", "target", "shown"),
    [
        ("spec_auto_robot_lstep1__crr_b_ifu20261202_07_29_46_ZTF26aaabcde.txt", "ZTF26aaabcde", True),
        ("spec_auto_robot_lstep1__crr_b_ifu20261202_07_29_46_ZTF26aaabcde_Ia.png", "ZTF26aaabcde", True),
        ("rc20261202_07_29_46_SN2023ixf.fits", "SN 2023ixf", True),
        ("rc20261202_07_29_46_SN2023ixf.fits", "SN 2023ix", False),
        ("rc20261202_07_29_46_ZTF26aaabcdef.fits", "ZTF26aaabcde", False),
        ("bias0.1.fits", "bias", False),
    ],
)
def test_files_are_told_by_their_names(name: str, target: str, shown: bool) -> None:
    assert files.shows(name, target) is shown


@pytest.mark.parametrize("path", ["http://evil.example.org/data/x", "/data/../etc/passwd", "//evil/data/"])
def test_only_files_of_the_data_pages_are_taken(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("SLEW_SEDM_URL", "http://sedm.example.org/add_request")
    altdata = order_of().altdata
    name = "rc20261202_07_29_46_ZTF26aaabcde.fits"
    assert files.products_of([f"{path}/{name}"], "ZTF26aaabcde", altdata) == {}
    found = files.products_of([f"/data/20261202/{name}"], "ZTF26aaabcde", altdata)
    assert found == {name: {"kind": "image", "url": f"http://sedm.example.org/data/20261202/{name}"}}
    assert FACILITY.download(order_of(), {**found[name]}, None).url == found[name]["url"]  # type: ignore[arg-type]
    for other in ({}, {"url": "http://evil.example.org/data/x"}):
        with pytest.raises(Rejected):
            files.download(other, altdata)


def test_kinds_of_files() -> None:
    assert files.kind("spec_x.txt") == files.kind("spec_x.fits") == "spectrum"
    assert files.kind("rc_x.fits") == files.kind("report.png") == "image"
    assert files.kind("what.list") == "log"
