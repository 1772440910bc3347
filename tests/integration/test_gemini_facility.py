"""Triggering Gemini at its simulator, over real HTTP, and all that can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from local.simulators.gemini import SOUTH, SOUTH_KEY
from slew.errors import FacilityError, Rejected
from slew.status import Status
from slew.wire import HttpRequest
from tests.integration.gemini_bench import FACILITY, JSON, SECRETS, Bench, benched


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with benched(monkeypatch) as bench:
        yield bench


def failure(bench: Bench, templates: str = "21", **fields: Any) -> FacilityError:
    with pytest.raises(FacilityError) as caught:
        bench.submit(bench.order(templates, **fields))
    assert not any(secret in caught.value.reason for secret in SECRETS)
    return caught.value


# -- accepted


def test_a_trigger_becomes_an_observation(bench: Bench) -> None:
    star: JSON = {"gstarget": "Gaia-3713", "gsra": "12:22:49.120", "gsdec": 4.7994, "gsmags": "13.2/UC/Vega"}
    order = bench.order(
        mags="18.4/r/AB",
        posangle=143,
        l_exptime=599.6,
        note_title="Chart",
        note="be quick\nplease",
        group_name="supernovae",
        **star,
        gsprobe="OIWFS",
    )
    submission = bench.submit(order)
    assert submission.facility_request_id == "GN-2026B-Q-110-40"
    assert (submission.status, submission.left, submission.notes) == (Status.SUBMITTED, (), ())
    assert submission.data["observations"] == {"21": "GN-2026B-Q-110-40"}
    assert submission.data["asking"] is None
    [clone] = bench.clones().values()
    assert (clone["status"], clone["title"], clone["instrument"]) == ("Ready", "ZTF26aaabcde", "GMOS-N")
    assert (clone["exptime_s"], clone["posangle_deg"], clone["mags"]) == (600, 143.0, "18.4/r/AB")
    assert (clone["note"], clone["group"]) == (["Chart", "be quick\nplease"], "supernovae")
    assert clone["elevation"] == {"kind": "airmass", "low": 1.0, "high": 1.6}
    assert clone["windows"] == [{"start": "2026-12-01T04:00:00+00:00", "hours": 48}]
    assert clone["target"][1:] == pytest.approx([185.728458, 4.823397], abs=1e-6)
    guide = clone["guide_star"]
    assert (guide["name"], guide["mags"], guide["probe"]) == ("Gaia-3713", "13.2/UC/Vega", "OIWFS")
    assert (guide["ra_deg"], guide["dec_deg"]) == pytest.approx((185.704667, 4.7994), abs=1e-6)
    [call] = bench.calls("/north/too")
    assert (call["method"], call["body"], call["headers"]["Content-Length"]) == ("POST", "", "0")
    assert "Authorization" not in call["headers"]


def test_the_southern_telescope(bench: Bench) -> None:
    bench.altdata |= {"programid": SOUTH, "user_key": SOUTH_KEY}
    submission = bench.submit(bench.order("4", target={"dec": -52.695}))
    assert submission.facility_request_id == "GS-2026B-Q-203-12"
    assert bench.calls("/north") == []


def test_not_ready_is_left_on_hold(bench: Bench) -> None:
    submission = bench.submit(bench.order(ready=False))
    assert submission.text == "on hold"
    assert [each["status"] for each in bench.clones().values()] == ["On Hold"]


def test_a_template_by_its_title(bench: Bench) -> None:
    order = bench.order(template_ids=None, obs="too r150")
    submission = bench.submit(order)
    assert submission.data["observations"] == {"too r150": "GN-2026B-Q-110-40"}


def test_several_templates_are_as_many_triggers(bench: Bench) -> None:
    submission = bench.submit(bench.order("23,21"))
    assert [each["obsnum"] for each in bench.triggers()] == ["23", "21"]
    assert submission.facility_request_id == "GN-2026B-Q-110-40,GN-2026B-Q-110-41"
    assert [each["instrument"] for each in bench.clones().values()] == ["GNIRS", "GMOS-N"]
    assert len([each for each in bench.http.exchanges if each.method == "POST"]) == 2


def test_each_step_is_kept_before_the_next(bench: Bench) -> None:
    kept: list[JSON] = []
    link = replace(bench.link, keep=lambda data: kept.append(dict(data)))
    order = bench.order("21,22")
    FACILITY.submit(order, FACILITY.prepare(order, link), link)
    steps = [((each["asking"] or {}).get("template"), list(each["observations"])) for each in kept]
    assert steps == [("21", []), (None, ["21"]), ("22", ["21"]), (None, ["21", "22"])]
    assert kept[0]["asking"]["before"] == "20-23"


# -- refused


@pytest.mark.parametrize(
    ("altdata", "reason"),
    [
        ({"user_key": "wrong-key"}, "bad credentials: Incorrect program ID, email address, or password"),
        ({"user_key": SOUTH_KEY}, "(user keys of North and South differ)"),
        ({"user_email": "nobody@example.org"}, "Incorrect program ID, email address, or password"),
        ({"programid": "GN-2099B-Q-1"}, "Incorrect program ID, email address, or password"),
        ({"programid": "GN-2026B-Q-111"}, "Program is not active."),
        ({"programid": "GN-2026B-Q-112"}, "Insufficient privileges."),
    ],
)
def test_wrong_credentials(bench: Bench, altdata: JSON, reason: str) -> None:
    bench.altdata |= altdata
    error = failure(bench)
    assert isinstance(error, Rejected)
    assert reason in error.reason
    assert "wrong-key" not in error.reason
    assert bench.clones() == {}


@pytest.mark.parametrize(
    ("templates", "reason"),
    [
        ("99", "Template observation GN-2026B-Q-110-99 not found"),
        ("20", "Template observation is not 'on hold'."),
    ],
)
def test_wrong_templates(bench: Bench, templates: str, reason: str) -> None:
    error = failure(bench, templates)
    assert (type(error), error.reason) == (Rejected, reason)


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("prog=GN-2026B-Q-110", "x=1", 'missing "prog" param'),
        ("prog=GN-2026B-Q-110", "prog=GN_1", 'illegal program id "prog"'),
        ("email=", "e=", 'missing "email"'),
        ("password=", "p=", 'missing "password"'),
        ("obsnum=21", "o=1", 'one of "obs" or "obsnum" must be specified'),
        ("obsnum=21", "obsnum=0", '"obsnum" must be a positive integer'),
        ("target=ZTF26aaabcde", "target=+", "missing 'target'"),
        ("&ra=", "&ra=x", 'cannot parse the ra "x12:22:54.8299"'),
        ("dec=%2B04%3A49", "dec=%2B04%3A60", 'cannot parse the dec "+04:60:24.229"'),
        ("posangle=", "mags=18&posangle=", "invalid magnitude list: 18"),
        ("posangle=", "gsmags=&posangle=", "missing 'gsra'"),
        ("posangle=", "gsra=1&gsdec=1&gsprobe=X&posangle=", 'cannot parse the guide probe "X"'),
        ("posangle=", "posangle=east", 'cannot parse position angle "east0.0"'),
        ("posangle=", "exptime=1.4&posangle=", "cannot parse exptime value `1.4` as an integer number"),
        ("posangle=", "exptime=1201&posangle=", "maximum exptime is 1200 sec"),
        ("elevationMin=1.0&", "", "all elevation constraint parameters must be specified"),
        ("airmass", "height", "unrecognized elevation constraint type: height"),
        ("windowTime=04%3A00&", "", "all timing window parameters must be specified"),
        ("windowTime=04%3A00", "windowTime=4h", "timing window date format is YYYY-MM-DD"),
        ("windowDuration=48", "windowDuration=-1", "timing window duration should be a positive integer"),
    ],
)
def test_each_refusal_of_the_server_is_readable(bench: Bench, was: str, becomes: str, reason: str) -> None:
    """Our own checks leave none of these: the query is spoilt behind them."""
    order = bench.order()
    request = FACILITY.prepare(order, bench.link).http()
    assert was in request.url
    spoilt = HttpRequest("POST", request.url.replace(was, becomes))
    prepared = replace(FACILITY.prepare(order, bench.link), exchanges=(spoilt,))
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(order, prepared, bench.link)
    assert caught.value.reason.startswith(reason)
    assert bench.clones() == {}


def test_all_templates_refused(bench: Bench) -> None:
    error = failure(bench, "20,99")
    assert isinstance(error, Rejected)
    assert error.reason == (
        "all the templates failed to submit: template 20: Template observation is not 'on hold'.; "
        "template 99: Template observation GN-2026B-Q-110-99 not found"
    )


def test_what_is_refused_in_part_is_named_and_alone_sent_again(bench: Bench) -> None:
    order = bench.order("20,21,99")
    submission = bench.submit(order)
    assert submission.status is Status.SUBMITTED
    assert submission.text == "not all templates were submitted successfully, 20,99 failed"
    assert submission.left == ("20", "99")
    assert submission.notes == (
        "template 20: Template observation is not 'on hold'.",
        "template 99: Template observation GN-2026B-Q-110-99 not found",
    )
    assert submission.facility_request_id == "GN-2026B-Q-110-40"
    bench.observe("GN-2026B-Q-110-20", "On Hold")
    again = bench.submit(bench.after(order, submission))
    assert [each["obsnum"] for each in bench.triggers()] == ["20", "21", "99", "20", "99"]
    assert again.left == ("99",)
    assert again.data["observations"] == {"21": "GN-2026B-Q-110-40", "20": "GN-2026B-Q-110-41"}
    assert again.facility_request_id == "GN-2026B-Q-110-41,GN-2026B-Q-110-40"
