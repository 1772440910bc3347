"""Gemini: what is accepted as credentials and as a trigger's parameters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini.facility import Gemini
from gemini.models import GeminiAltdata, GeminiPayload
from slew.errors import Invalid
from slew.validation import parse

JSON = dict[str, Any]
ALTDATA: JSON = {
    "user_email": "too-robot@example.org",
    "user_key": "a1b2c3d4",
    "programid": "GN-2026B-Q-110",
}
PAYLOAD: JSON = {
    "template_ids": "21",
    "start_date": "2026-12-01 04:00:00",
    "end_date": "2026-12-03 04:00:00",
}
STAR: JSON = {"gsra": 185.7, "gsdec": 4.8, "gsprobe": "OIWFS"}


def altdata(**changes: Any) -> GeminiAltdata:
    return parse(GeminiAltdata, {**ALTDATA, **changes}, ["altdata"])


def payload(**changes: Any) -> GeminiPayload:
    fields = {key: value for key, value in {**PAYLOAD, **changes}.items() if value is not ...}
    return parse(GeminiPayload, fields, ["payload"])


def refused(model: Any, fields: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(model, fields)
    return {str(error.loc[0]): error.msg for error in caught.value.errors}


# -- credentials


@pytest.mark.parametrize(
    "names",
    [
        {"user_email": "user_email", "user_key": "user_key", "programid": "programid"},
        {"user_email": "email", "user_key": "password", "programid": "progid"},
        {"user_email": "user_email", "user_key": "user_password", "programid": "programid"},
    ],
)
def test_every_set_of_names(names: dict[str, str]) -> None:
    found = parse(GeminiAltdata, {names[key]: value for key, value in ALTDATA.items()})
    assert found.user_email == "too-robot@example.org"
    assert found.user_key.get_secret_value() == "a1b2c3d4"
    assert found.programid == "GN-2026B-Q-110"
    assert found.template_ids == ()


def test_the_first_name_with_a_value_counts() -> None:
    found = altdata(user_password="other-key", password="third-key", email="people@example.org")
    assert found.user_key.get_secret_value() == "a1b2c3d4"
    assert (found.user_email, found.email) == ("too-robot@example.org", "people@example.org")
    found = altdata(user_key="", user_password="other-key", user_email=None, email="a@example.org")
    assert (found.user_key.get_secret_value(), found.user_email) == ("other-key", "a@example.org")


@pytest.mark.parametrize("field", ["user_email", "user_key", "programid"])
@pytest.mark.parametrize("value", [None, "", ...])
def test_all_three_are_needed(field: str, value: Any) -> None:
    fields = {key: v for key, v in {**ALTDATA, field: value}.items() if v is not ...}
    assert list(refused(GeminiAltdata, fields)) == [field]


@pytest.mark.parametrize(
    ("programid", "text"),
    [
        ("G-2026B-0110-Q", "Gemini Program Platform"),
        ("AB-2026B-Q-110", "must start with GN or GS"),
        ("2026B-GN-110", "must start with GN or GS"),
        ("gn-2026B-Q-110", "must start with GN or GS"),
        ("GN2026BQ110", "GN- or GS-"),
        ("GN-2026B_Q", "letters, digits and hyphens"),
        ("GN-", "letters, digits and hyphens"),
        ("GN-" + "1" * 59, "at most 61"),
    ],
)
def test_programmes_that_are_none(programid: str, text: str) -> None:
    assert text in refused(GeminiAltdata, {**ALTDATA, "programid": programid})["programid"]


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ("21,22", (21, 22)),
        (" 21 , 22 ", (21, 22)),
        ("21", (21,)),
        ([21, "22"], (21, 22)),
        ("", ()),
        ("  ", ()),
        (None, ()),
        ([], ()),
    ],
)
def test_templates_of_an_allocation(given: Any, numbers: tuple[int, ...]) -> None:
    assert altdata(template_ids=given).template_ids == numbers


@pytest.mark.parametrize("given", ["x", "21,", "0", "-1", "2.5", [True], [2.5], [[1]], {"a": 1}, 2.5, "٢"])
def test_templates_that_are_no_numbers(given: Any) -> None:
    assert list(refused(GeminiAltdata, {**ALTDATA, "template_ids": given})) == ["template_ids"]
    assert list(refused(GeminiPayload, {**PAYLOAD, "template_ids": given})) == ["template_ids"]


@pytest.mark.parametrize("field", ["user_key", "archive_password"])
@pytest.mark.parametrize("value", ["abc", "a\nbcd", "x" * 201, 12345])
def test_a_key_that_could_not_be_masked_is_refused_and_not_repeated(field: str, value: Any) -> None:
    found = refused(GeminiAltdata, {**ALTDATA, "archive_username": "observer1", field: value})
    assert list(found) == [field]
    assert str(value) not in found[field]


def test_an_archive_account_is_whole() -> None:
    fields = {**ALTDATA, "archive_username": "observer1"}
    assert list(refused(GeminiAltdata, fields)) == ["archive_password"]
    fields = {**ALTDATA, "archive_password": "archive-secret"}
    assert list(refused(GeminiAltdata, fields)) == ["archive_username"]
    assert altdata(archive_session="session-01").archive_session is not None
    assert list(refused(GeminiAltdata, {**ALTDATA, "archive_session": "a; b=c"})) == ["archive_session"]


def test_secrets_are_secret_by_every_name() -> None:
    properties = GeminiAltdata.model_json_schema(by_alias=False)["properties"]
    for name in ("user_key", "archive_session", "archive_password"):
        text = str(properties[name])
        assert "writeOnly" in text
    assert "a1b2c3d4" not in repr(altdata())


# -- parameters


@pytest.mark.parametrize(
    ("given", "numbers"),
    [("21", (21,)), ("22,21", (22, 21)), (21, (21,)), ([21, 22], (21, 22)), (["21"], (21,))],
)
def test_templates_of_a_request(given: Any, numbers: tuple[int, ...]) -> None:
    assert payload(template_ids=given).template_ids == numbers


@pytest.mark.parametrize(
    "given", ["21,21", [21, "21"], "", [], True, ",".join(map(str, range(1, 22))), 2**31]
)
def test_templates_of_a_request_that_make_no_sense(given: Any) -> None:
    assert list(refused(GeminiPayload, {**PAYLOAD, "template_ids": given})) == ["template_ids"]


def test_a_template_by_number_or_by_title() -> None:
    assert payload(template_ids=..., obs="ToO R150").obs == "ToO R150"
    assert list(refused(GeminiPayload, {**PAYLOAD, "obs": "ToO R150"})) == ["obs"]
    without = {key: value for key, value in PAYLOAD.items() if key != "template_ids"}
    assert list(refused(GeminiPayload, without)) == ["template_ids"]


def test_defaults() -> None:
    found = payload()
    assert (found.l_exptime, found.l_elmin, found.l_elmax) == (0, 1.0, 1.6)
    assert (found.elevationType, found.posangle, found.ready) == ("airmass", 0.0, True)
    assert (found.group_name, found.note_title, found.note) == ("", "", "")


@pytest.mark.parametrize("value", ["true", "false", "False", "", 0, 1, None, "on"])
def test_ready_is_true_or_false_and_nothing_like_it(value: Any) -> None:
    assert refused(GeminiPayload, {**PAYLOAD, "ready": value})["ready"] in (
        "must be true or false",
        "Input should be a valid boolean",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("l_exptime", -1),
        ("l_exptime", 1200.1),
        ("l_exptime", 0.4),
        ("l_exptime", "600"),
        ("l_exptime", True),
        ("l_exptime", float("nan")),
        ("l_elmin", 0.9),
        ("l_elmin", 3.1),
        ("l_elmax", 3.1),
        ("l_elmax", 1.0),
        ("posangle", 360.1),
        ("posangle", float("inf")),
        ("posangle", "90"),
        ("elevationType", "altitude"),
        ("mags", "18.4"),
        ("mags", "18.4/q/AB"),
        ("mags", "18.4/r/ab"),
        ("mags", "18.4/r/AB,"),
        ("gsprobe", "oiwfs"),
        ("gsra", 360),
        ("gsra", "12:60:00"),
        ("gsra", True),
        ("gsdec", -90.5),
        ("gsdec", "+04:00:60.0"),
        ("gsmags", "13.2/UC"),
        ("group_name", "a\nb"),
        ("note", "bell\a"),
        ("note", "x" * 3001),
        ("gsmag", "13.2/UC/Vega"),
        ("start_date", "tomorrow"),
        ("start_date", "1999-12-31"),
        ("end_date", "2026-12-01 04:00:00"),
        ("end_date", "2200-01-01"),
    ],
)
def test_what_is_out_of_bounds(field: str, value: Any) -> None:
    assert list(refused(GeminiPayload, {**PAYLOAD, **STAR, field: value})) == [field]


@pytest.mark.parametrize("field", ["start_date", "end_date"])
def test_both_dates_are_needed(field: str) -> None:
    fields = {key: value for key, value in PAYLOAD.items() if key != field}
    assert refused(GeminiPayload, fields) == {field: "Field required"}


def test_dates_are_utc() -> None:
    found = payload(start_date="2026-12-01T04:00:00", end_date="2026-12-03 04:00:00+02:00")
    assert found.start_date == datetime(2026, 12, 1, 4, tzinfo=UTC)
    assert found.end_date == datetime(2026, 12, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("missing", ["gsra", "gsdec", "gsprobe"])
def test_a_guide_star_is_whole(missing: str) -> None:
    star = {**STAR, "gstarget": "Gaia-3713"}
    del star[missing]
    assert list(refused(GeminiPayload, {**PAYLOAD, **star})) == [missing]


@pytest.mark.parametrize(("alone", "value"), [("gstarget", "Gaia-3713"), ("gsmags", "13.2/UC/Vega")])
def test_a_name_alone_is_no_guide_star(alone: str, value: str) -> None:
    assert list(refused(GeminiPayload, {**PAYLOAD, alone: value})) == ["gsra"]


def test_a_guide_star_by_sexagesimal_text() -> None:
    found = payload(gsra="12:22:49.120", gsdec="+04:47:58.10", gsprobe="OIWFS")
    assert found.gsra == pytest.approx(185.704667, abs=1e-6)
    assert found.gsdec == pytest.approx(4.799472, abs=1e-6)


def test_hour_angles() -> None:
    found = payload(elevationType="hourAngle", l_elmin=-5.5, l_elmax=5.5)
    assert (found.l_elmin, found.l_elmax) == (-5.5, 5.5)
    fields = {**PAYLOAD, "elevationType": "hourAngle"}
    assert list(refused(GeminiPayload, {**fields, "l_elmax": 2})) == ["l_elmin"]
    assert list(refused(GeminiPayload, {**fields, "l_elmin": 2})) == ["l_elmax"]
    assert list(refused(GeminiPayload, {**fields, "l_elmin": -5.6, "l_elmax": 1})) == ["l_elmin"]
    assert payload(elevationType="none", l_elmin=-1.0).elevationType == "none"


@given(
    value=st.integers(-2000, 2000).map(lambda n: n / 100),
    band=st.sampled_from(["u", "g", "UC", "AP", "Q"]),
    system=st.sampled_from(["Vega", "AB", "Jy"]),
)
def test_brightnesses(value: float, band: str, system: str) -> None:
    text = f"{value}/{band}/{system}"
    assert payload(mags=f"{text},{text}").mags == f"{text},{text}"


# -- the class


def test_the_instrument_is_the_site_or_left_out() -> None:
    facility = Gemini()
    assert facility.choose_instrument(None, None) is None
    assert facility.choose_instrument("north", "south") == "north"
    assert facility.choose_instrument(None, "south") == "south"
    with pytest.raises(Invalid, match="'gmos' is not one of north, south"):
        facility.choose_instrument("gmos", None)


def test_what_it_can_do() -> None:
    assert Gemini().operations == ("submit", "dry_run", "poll", "reconcile")
    assert "no harmless call" in Gemini.no_verify
    assert Gemini.resumable


def test_every_field_tells_what_it_is() -> None:
    for model in (GeminiAltdata, GeminiPayload):
        for name, each in model.model_json_schema(by_alias=False)["properties"].items():
            assert each.get("description"), name
            assert each.get("title"), name
