"""KAIT: what is accepted, and the exact request that follows from it, as the simulator reads it."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kait import answers
from kait.facility import Kait, KaitOrder, degrees
from kait.models import KaitAltdata, KaitPayload
from local.simulators import kait as simulator
from slew import clock
from slew.errors import FacilityError, Failed, Invalid, Rejected
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order, Prepared
from slew.models import Requester, Target
from slew.validation import parse
from slew.wire import Answer

JSON = dict[str, Any]
FACILITY = Kait()
RECORDINGS: list[JSON] = json.loads((Path(__file__).parents[1] / "data/peer/kait.json").read_text())
ALTDATA = {"username": "kaituser", "password": "correct-horse"}
LINK = Link(cast(HttpLink, None), cast(MailLink, None))
FILTERS = ["U", "g", "r", "i", "z", "B", "V", "R", "I"]


def order_of(
    payload: JSON | None = None, target: JSON | None = None, altdata: JSON | None = None
) -> KaitOrder:
    now = clock.parse("2026-11-22T12:00:00.000Z")
    fields = {"name": "ZTF26aabcdef", "ra": 229.9620403, "dec": 34.8442757, **(target or {})}
    return Order(
        request_id="101",
        instrument=None,
        target=parse(Target, fields, ["target"]),
        payload=parse(KaitPayload, {"observation_choices": ["g"], **(payload or {})}, ["payload"]),
        altdata=parse(KaitAltdata, {**ALTDATA, **(altdata or {})}, ["altdata"]),
        allocation=AllocationFacts("kait", "PI of the proposal", "transients"),
        requester=Requester(),
        now=now,
        created_at=now,
    )


def prepared(**parts: JSON) -> Prepared:
    return FACILITY.prepare(order_of(**parts), LINK)


def body_of(**parts: JSON) -> JSON:
    body: JSON = json.loads(prepared(**parts).http().body)
    return body


def refused(**parts: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        prepared(**parts)
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


# -- what is accepted


@pytest.mark.parametrize(
    ("choices", "sent"),
    [
        (["U", "B", "V", "R", "I"], "UBVRI"),
        (["R", "r"], "Rr"),
        (["z", "i", "r", "g"], "zirg"),
        (FILTERS, "UgrizBVRI"),
    ],
)
def test_filters_are_joined_in_order(choices: list[str], sent: str) -> None:
    assert body_of(payload={"observation_choices": choices})["filters"] == sent


@pytest.mark.parametrize(
    "choices", [[], ["u"], ["clear"], ["sdssg"], ["g", "g"], "gri", None, [""], [1], ["g,r"]]
)
def test_other_filters_are_refused(choices: Any) -> None:
    [field] = {".".join(name.split(".")[:2]) for name in refused(payload={"observation_choices": choices})}
    assert field == "payload.observation_choices"


def test_the_exposure_class() -> None:
    assert body_of()["exposure"] == "long"
    assert body_of(payload={"observation_type": "short"})["exposure"] == "short"
    for value in ("Long", "medium", "", None, 300, True):
        assert list(refused(payload={"observation_type": value})) == ["payload.observation_type"]


@pytest.mark.parametrize("field", ["start_date", "exposure_time", "priority", "maximum_airmass"])
def test_kait_takes_nothing_else(field: str) -> None:
    assert "not a field" in refused(payload={field: 1})[f"payload.{field}"]


@pytest.mark.parametrize(
    ("angle", "full_circle", "text"),
    [
        (229.9620403, True, "229.96204"),
        (-0.25, False, "-0.25000"),
        (-0.000001, False, "0.00000"),
        (-0.000006, False, "-0.00001"),
        (359.999999, True, "0.00000"),
        (0, True, "0.00000"),
        (-90, False, "-90.00000"),
        (90, False, "90.00000"),
    ],
)
def test_degrees_have_five_decimals(angle: float, full_circle: bool, text: str) -> None:
    assert degrees(angle, full_circle=full_circle) == text


@pytest.mark.parametrize("name", ["SN 2023ïxf", "αCen", "a\u00a0b"])
def test_a_name_that_is_not_ascii_is_refused(name: str) -> None:
    assert refused(target={"name": name}) == {"target.name": "must be printable ASCII characters for KAIT"}


@pytest.mark.parametrize("dec", [-34, 0, 70])
def test_within_the_limits_only_the_standing_note(dec: float) -> None:
    [note] = prepared(target={"dec": dec}).notes
    assert "ask the KAIT team by mail" in note


@pytest.mark.parametrize("dec", [-34.1, 70.1, 90])
def test_outside_the_limits_a_warning_or_a_refusal(dec: float) -> None:
    _, note = prepared(target={"dec": dec}).notes
    assert "outside the telescope's limits" in note
    found = refused(target={"dec": dec}, altdata={"refuse_outside_limits": True})
    assert found == {"target.dec": "is outside the telescope's limits, declination -34 to +70 deg"}


def test_a_moving_target_is_noted() -> None:
    _, note = prepared(target={"proper_motion_dec": -300.0}).notes
    assert "proper motion is not sent" in note


@pytest.mark.parametrize("username", ["", "two words", "a:b", "jürgen", "x" * 201, None])
def test_a_user_name_that_basic_authentication_cannot_carry(username: Any) -> None:
    assert list(refused(altdata={"username": username})) == ["altdata.username"]


@pytest.mark.parametrize("password", ["", "pässword", "line\nbreak", "x" * 201, None, 5])
def test_a_password_that_it_cannot_carry_is_refused_and_not_repeated(password: Any) -> None:
    found = refused(altdata={"password": password})
    assert list(found) == ["altdata.password"]
    assert len(str(password)) < 3 or str(password) not in found["altdata.password"]


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200).filter(
        lambda text: text == text.strip()
    )
)
@settings(max_examples=50)
def test_any_other_password_arrives(password: str) -> None:
    header = prepared(altdata={"password": password}).http().headers["Authorization"]
    assert b64decode(header.removeprefix("Basic ")).decode() == f"kaituser:{password}"


@given(
    choices=st.lists(st.sampled_from(FILTERS), min_size=1, unique=True),
    kind=st.sampled_from(["long", "short"]),
    name=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200),
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-90, 90),
)
@settings(max_examples=50)
def test_whatever_is_accepted_the_simulator_takes(
    choices: list[str], kind: str, name: str, ra: float, dec: float
) -> None:
    if not name.strip():
        name = "blank"
    body = (
        prepared(
            payload={"observation_choices": choices, "observation_type": kind},
            target={"name": name, "ra": ra, "dec": dec},
        )
        .http()
        .body
    )
    taken = simulator.read(body)
    assert taken["filters"] == "".join(choices)
    assert abs(float(taken["dec"]) - dec) <= 5.1e-6
    assert abs((float(taken["ra"]) - ra + 180) % 360 - 180) <= 5.1e-6


# -- the peer's recordings


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording["name"])
def test_the_same_request_as_the_peer_sends(recording: JSON) -> None:
    position = recording["target"]
    target = {"name": position["id"], "ra": position["ra"], "dec": position["dec"]}
    request = prepared(payload=recording["payload"], target=target, altdata=recording["altdata"]).http()
    [theirs] = recording["peer"]["sent"]
    assert (request.method, request.url) == (theirs["method"], theirs["url"])
    assert json.loads(request.body) == theirs["json"]
    basic = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
    assert basic == ":".join(theirs["auth"]["basic"])


# -- what an answer means


@pytest.mark.parametrize("success", ['"true"', "true", '"True"', '" TRUE "'])
def test_success_is_a_word_or_a_flag(success: str) -> None:
    body = f'\n{{"success": {success}, "message": "Done"}}\n'.encode()
    assert answers.message(Answer(200, {}, body)) == "Done"


@pytest.mark.parametrize("message", ["", ', "message": null', ', "message": 5'])
def test_success_without_a_message(message: str) -> None:
    assert answers.message(Answer(200, {}, f'{{"success": true{message}}}'.encode())) == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"success": "false", "message": "no such filter"}', "no such filter"),
        ('{"success": false, "message": "<b>bad</b>\\n&quot;ra&quot;"}', 'bad "ra"'),
        ('{"success": 1, "message": "odd"}', "odd"),
        ('{"success": null, "message": "odd"}', "odd"),
        ('{"success": "no"}', '{"success": "no"}'),
        ('{"error": "busy"}', '{"error": "busy"}'),
    ],
)
def test_any_other_success_is_a_refusal(body: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        answers.message(Answer(200, {}, body.encode()))
    assert caught.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"\n", b"<html>ok</html>", b"[]", b'"true"', b"\xff\xfe", b"[" * 9999])
def test_200_without_a_json_object_is_not_understood(body: bytes) -> None:
    assert answers.message(Answer(200, {}, body)) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(201, Rejected), (204, Rejected), (301, Rejected), (400, Rejected), (401, Failed), (502, Failed)],
)
def test_the_status_class(status: int, kind: type[FacilityError]) -> None:
    with pytest.raises(kind) as caught:
        answers.message(Answer(status, {}, b'{"success": "true"}'))
    assert type(caught.value) is kind


def test_what_it_can_do() -> None:
    assert FACILITY.operations == ("submit", "dry_run")
    assert "harmless" in FACILITY.no_verify
    assert FACILITY.send_attempts is not None
    schema = KaitPayload.model_json_schema()
    assert schema["required"] == ["observation_choices"]
    assert schema["properties"]["observation_type"]["default"] == "long"
    assert KaitAltdata.model_json_schema()["properties"]["password"]["writeOnly"] is True
