"""The plot of a light curve: what is drawn, and who may see it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from PIL import Image

from plots import figure
from plots.app import handler
from slew import clock, store, table, tracking
from slew.work import Desk
from tests.integration.test_plans import URL, call, plan, server
from tests.support.calls import Client, Reply
from tests.support.survey import Survey, SurveyServer

__all__ = ["call", "server"]

ROW = {"mjd": 60000.5, "filter": "ztfg", "mag": 18.2, "mag_err": 0.05, "limiting_mag": None, "flags": []}


def colours(png: bytes) -> set[tuple[int, ...]]:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    assert image.size == (900, 540)
    return {colour for _, colour in image.getcolors(2**24) or []}  # type: ignore[misc]


def shows(png: bytes, colour: str) -> bool:
    red, green, blue = (round(255 * part) for part in to_rgb(colour))
    return (red, green, blue) in colours(png)


@pytest.mark.parametrize(
    ("name", "band"), [("ztfg", "g"), ("sdssr", "r"), ("atlaso", "o"), ("besselli", "i")]
)
def test_each_filter_has_its_colour(name: str, band: str) -> None:
    assert shows(figure.draw([{**ROW, "filter": name}], "SN"), figure.COLOURS[band])


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "mag": None, "limiting_mag": 20.5},
        {**ROW, "mag_err": None},
        {**ROW, "mag": None, "extra": {"rate_ct_s": 0.3, "rate_err_pos_ct_s": 0.1}},
        {**ROW, "mag": None, "extra": {"upper_limit_ct_s": 0.01}},
        {**ROW, "mag": None},
    ],
)
def test_what_there_is_is_drawn(row: Mapping[str, Any]) -> None:
    assert figure.draw([row], "$AT_x$ \\alpha") != figure.draw([ROW], "$AT_x$ \\alpha")


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "filter": "$\\frac$"},
        {**ROW, "filter": ""},
        {**ROW, "mjd": 1e29},
        {**ROW, "mag": None, "extra": {"rate_ct_s": "n/a", "upper_limit_ct_s": "none"}},
        {**ROW, "mag": None, "extra": {"rate_ct_s": 0.3, "rate_err_pos_ct_s": "inf"}},
    ],
)
def test_nothing_that_a_facility_prints_breaks_the_plot(row: Mapping[str, Any]) -> None:
    assert colours(figure.draw([row, {**ROW, "mag": None}], "SN"))


def test_what_the_facilitys_advice_drops_is_pale() -> None:
    good, bad = {**ROW, "extra": {"drop": False}}, {**ROW, "mjd": 60001.5, "extra": {"drop": True}}
    assert shows(figure.draw([good, bad], "SN"), figure.COLOURS["g"])
    assert not shows(figure.draw([bad], "SN"), figure.COLOURS["g"])


def rate(value: float, error: float | None = None, filter_: str = "ztfg") -> dict[str, Any]:
    errors = {} if error is None else {"rate_err_pos_ct_s": error, "rate_err_neg_ct_s": -error}
    return {**ROW, "mag": None, "filter": filter_, "extra": {"rate_ct_s": value, **errors}}


def captions(rows: figure.Rows, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines below the axis."""
    told: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(Axes, "set_xlabel", lambda _, text: told.extend(text.splitlines()))
        figure.draw(rows, "SN")
    return told[1:]


@pytest.mark.parametrize("value", [-0.01, 0.0])
def test_a_rate_that_is_not_positive_is_drawn_as_a_limit(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [rate(0.3, 0.1, "ztfr"), rate(value, 0.02)]
    pale = tuple(0.7 * part + 0.3 for part in to_rgb(figure.COLOURS["g"]))
    near = [
        all(abs(255 * a - b) <= 1 for a, b in zip(pale, c, strict=True))
        for c in colours(figure.draw(rows, "SN"))
    ]
    assert any(near)
    assert captions(rows, monkeypatch) == ["1 of 2: no positive rate, drawn as limits of 3 sigma"]


def test_what_cannot_be_drawn_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert captions([rate(0.3), rate(-0.1)], monkeypatch) == [
        "1 of 2 not drawn: neither positive rate nor limit"
    ]
    nothing = {**ROW, "mag": None}
    assert captions([ROW, nothing, nothing], monkeypatch) == ["2 of 3 not drawn: neither magnitude nor limit"]
    assert captions([ROW], monkeypatch) == []


def test_nothing_is_said_to_be_nothing() -> None:
    assert figure.draw([], "SN") != figure.draw([ROW], "SN")


@pytest.fixture
def request_id(call: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    made: str = call("POST", f"{URL}/requests", plan(1)).json["id"]
    monkeypatch.setattr(clock, "_offset", lambda: 400.0)
    tracking.tick(Desk(Survey(), clock.timestamp() + 90))
    return made


def png(reply: Reply) -> bytes:
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "image/png"
    return base64.b64decode(reply.text)


def test_whoever_may_read_the_request_may_see_it(request_id: str) -> None:
    url = f"/requests/{request_id}/photometry.png"
    assert png(Client(handler)("GET", url))
    assert png(Client(handler, role="viewer", groups="transients")("GET", url))
    assert Client(handler, role="viewer", groups="others")("GET", url).status == 403
    assert Client(handler, principal_id="")("GET", url).status == 401


def test_the_link_of_the_messages_needs_no_token(request_id: str) -> None:
    request = store.get_request(request_id)
    assert request is not None
    assert request.rows == 2
    nobody = Client(handler, principal_id="")
    url = f"/requests/{request_id}/photometry.png"
    assert png(nobody("GET", f"{url}?key={request.share}"))
    assert nobody("GET", f"{url}?key={request.share}x").status == 404
    assert nobody("GET", f"{url}?key=").status in (401, 404)


def test_the_completion_names_the_link(call: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_API_URL", "https://slew.example.org")
    made = call("POST", f"{URL}/requests", plan(1)).json["id"]
    monkeypatch.setattr(clock, "_offset", lambda: 400.0)
    tracking.tick(Desk(Survey(), clock.timestamp() + 90))
    request = store.get_request(made)
    assert request is not None
    (notice,) = [notice for notice in notices(made) if notice["status"] == "complete"]
    wanted = f"https://slew.example.org/requests/{made}/photometry.png?key={request.share}"
    assert notice["light_curve_url"] == wanted
    assert request.share not in call("GET", f"{URL}/requests/{made}").text


def test_measurements_that_come_late_are_told_and_handed_over(
    call: Client, server: SurveyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEW_API_URL", "https://slew.example.org")
    hook = {"url": "https://broker.example.org/x", "secret": "a key that both sides know"}
    assert call("PATCH", f"{URL}/allocations/s-1", {"handover": {"webhook": hook}}).status == 200
    made = call("POST", f"{URL}/requests", plan(1)).json["id"]
    light_curve = server.files.pop("lc.txt")
    for offset in (400.0, 600.0, 90000.0):
        monkeypatch.setattr(clock, "_offset", lambda offset=offset: offset)
        tracking.tick(Desk(Survey(), clock.timestamp() + 90))
        server.files["lc.txt"] = light_curve
    first, second = [each for each in changes(made) if each["to"] == "complete"]
    assert first["notice"]["light_curve_url"] is None
    assert (second["action"], second["from"]) == ("retrieve", "complete")
    assert second["notify"]["handover"] == ["webhook"]
    assert "photometry.png" in second["notice"]["light_curve_url"]


def notices(request_id: str) -> list[dict[str, Any]]:
    return [each["notice"] for each in changes(request_id)]


def changes(request_id: str) -> list[dict[str, Any]]:
    items = table.query_items(f"REQUEST#{request_id}", "EVENT#", "EVENT#~")
    return [json.loads(item["doc"]["S"]) for item in items]
