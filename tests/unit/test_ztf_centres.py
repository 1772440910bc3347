"""ZTF: where the centres of fields come from, all or none; no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from slew.errors import Invalid
from slew.facility import HttpLink, Link, MailLink
from tests.ztf_orders import JSON, PLAN, TRIGGERED, order_of, without
from ztf.facility import Ztf

FACILITY = Ztf()
RECORDINGS: list[JSON] = json.loads((Path(__file__).parents[1] / "data" / "peer" / "ztf.json").read_text())
NO_HTTP = Link(cast(HttpLink, None), cast(MailLink, None))
GRID = {699: (45.9756, 40.55), 700: (54.52367, 40.55), 550: (210.5, 4.55), 551: (217.7, 4.55)}
WITH_GRID = Link(cast(HttpLink, None), cast(MailLink, None), field_grid={"ztf": GRID}.get)


def sent(payload: JSON, link: Link = NO_HTTP, **fields: Any) -> JSON:
    """The body that leaves."""
    body: JSON = json.loads(FACILITY.prepare(order_of(payload, **fields), link).http().body)
    return body


def refused(payload: JSON, link: Link = NO_HTTP, **fields: Any) -> dict[str, str]:
    """The errors, by the field's place."""
    with pytest.raises(Invalid) as caught:
        sent(payload, link, **fields)
    return {".".join(map(str, each.loc)): each.msg for each in caught.value.errors}


@pytest.mark.parametrize(
    "payload", [TRIGGERED, without(PLAN, "observations") | {"observations": PLAN["observations"]}]
)
def test_centres_from_the_deployment_s_grid(payload: JSON) -> None:
    bare = without(payload, "fields")
    if "observations" in bare:
        bare["observations"] = [without(each, "ra", "dec") for each in bare["observations"]]
    assert sent(bare, WITH_GRID) == sent(payload)


def test_the_payload_s_centre_goes_before_the_grid_s() -> None:
    own = [{"field_id": 699, "ra": 46.0, "dec": 40.0}]
    targets = sent({**TRIGGERED, "fields": own}, WITH_GRID)["targets"]
    assert {(each["field_id"], each["ra"], each["dec"]) for each in targets} == {
        (699, 46.0, 40.0),
        (700, 54.52367, 40.55),
    }


def test_an_observation_s_own_centre_goes_before_all() -> None:
    observations = [
        {"field_id": 550, "filt": "g", "exposure_time": 30, "ra": 1.0, "dec": 2.0},
        {"field_id": 550, "filt": "r", "exposure_time": 30},
        {"field_id": 551, "filt": "r", "exposure_time": 30},
    ]
    fields = [{"field_id": 550, "ra": 3.0, "dec": 4.0}]
    targets = sent({**PLAN, "observations": observations, "fields": fields}, WITH_GRID)["targets"]
    assert [(each["ra"], each["dec"]) for each in targets] == [(1.0, 2.0), (3.0, 4.0), (217.7, 4.55)]


@pytest.mark.parametrize("link", [NO_HTTP, WITH_GRID], ids=["no grid", "grid"])
def test_unknown_centres_are_named_with_the_ways_to_give_them(link: Link) -> None:
    payload = {**without(TRIGGERED, "fields"), "field_ids": "699,1001,1002"}
    ((place, text),) = refused(payload, link).items()
    assert place == "payload.field_ids"
    assert ("699, 1001, 1002" if link is NO_HTTP else "known: 1001, 1002.") in text
    for way in ("`fields`", "SLEW_FIELD_GRID_ZTF", "field_centres: scheduler"):
        assert way in text


def test_a_plan_with_one_centre_missing_is_refused_whole() -> None:
    first, second, third = PLAN["observations"]
    observations = [first, without(second, "ra", "dec"), third]
    errors = refused({**PLAN, "observations": observations})
    assert list(errors) == ["payload.observations"]
    assert "551" in errors["payload.observations"]


@pytest.mark.parametrize(
    "payload",
    [
        {**without(TRIGGERED, "fields"), "field_centres": "scheduler"},
        {
            **PLAN,
            "field_centres": "scheduler",
            "observations": [without(each, "ra", "dec") for each in PLAN["observations"]],
        },
    ],
    ids=["triggered", "observation_plan"],
)
def test_the_scheduler_s_centres_mean_none_on_any_target(payload: JSON) -> None:
    targets = sent(payload, WITH_GRID)["targets"]
    assert targets
    assert not any({"ra", "dec"} & set(each) for each in targets)


def test_the_scheduler_s_centres_exclude_given_ones() -> None:
    assert list(refused({**TRIGGERED, "field_centres": "scheduler"})) == ["payload.fields"]
    assert list(refused({**PLAN, "field_centres": "scheduler"})) == ["payload.observations"]
