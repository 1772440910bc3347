"""The OpenAPI document: that it is one, and that its examples and Slew's own records are as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from local import catalogue, generate, openapi
from skyportal.senders import Sender
from slew import light_curve, payloads
from slew.errors import Invalid
from slew.facility import Facility
from slew.handover import Handover
from slew.markers import Marker
from slew.models import AllocationBody, AllocationPatch, CloseBody, SubmitBody, UpdateBody
from slew.photometry import Row
from slew.records import Event
from slew.redact import MASK
from slew.status import Status
from slew.store import shown
from slew.validation import parse
from tests.support.openapi import PLAN, SURVEY, component_errors, errors, examples_of
from tests.support.openapi import document_of as of
from tests.support.survey import SECRET

Json = dict[str, Any]
FACILITIES = catalogue.facilities()
IDS = [facility.id for facility in FACILITIES]


@pytest.fixture
def survey() -> Json:
    """The document of the tests' own telescope, which has every optional route."""
    return of(SURVEY)


def examples(value: Any, *place: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every example, with the place of the schema that it is of."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from examples(each, *place, str(index))
        return
    if not isinstance(value, dict):
        return
    if isinstance(value.get("schema"), dict):
        if "example" in value:
            yield (*place, "schema"), value["example"]
        for each in (value.get("examples") or {}).values():
            yield (*place, "schema"), each["value"]
    elif isinstance(value.get("examples"), list):
        for each in value["examples"]:
            yield place, each
    for name, each in value.items():
        if name not in ("example", "examples"):
            yield from examples(each, *place, name)


@pytest.mark.parametrize("facility", FACILITIES, ids=IDS)
def test_the_document_of_a_facility_is_one_and_its_examples_fit(facility: Facility) -> None:
    validate(of(facility))
    _examples_fit(of(facility))


def test_the_document_of_plans_is_one_and_its_examples_fit(survey: Json) -> None:
    validate(survey)
    _examples_fit(survey)


def _examples_fit(document: Json) -> None:
    found = list(examples(document))
    assert len(found) > 40
    wrong = {"/".join(place): each for place, value in found if (each := errors(document, value, *place))}
    assert not wrong


def test_the_whole_document_is_one() -> None:
    document = openapi.document()
    validate(document)
    names = [each["operationId"] for path in document["paths"].values() for each in _operations(path)]
    assert len(names) == len(set(names))


def _operations(path: Json) -> list[Json]:
    return [each for each in path.values() if isinstance(each, dict)]


def test_every_component_is_referred_to(survey: Json) -> None:
    verifying = next(facility for facility in FACILITIES if facility.can("verify"))
    text = json.dumps([survey, of(verifying)])
    unused = [
        f"{kind}/{name}"
        for kind in ("schemas", "responses", "parameters")
        for name in survey["components"][kind]
        if f'"#/components/{kind}/{name}"' not in text
    ]
    assert unused == []


def test_two_facilities_may_call_their_parts_alike() -> None:
    together = openapi.document()["components"]["schemas"]
    for facility in FACILITIES:
        for name, schema in of(facility)["components"]["schemas"].items():
            assert together[name] == schema, name


# -- what is required, and what may be given


@pytest.mark.parametrize("facility", FACILITIES, ids=IDS)
def test_what_a_submission_must_have(facility: Facility) -> None:
    document = of(facility)
    name = f"{''.join(part.capitalize() for part in facility.id.split('_'))}SubmitBody"
    schema = document["components"]["schemas"][name]
    assert ("target" in schema["required"]) is facility.needs_target
    assert ("payload" in schema["required"]) is not facility.takes_plans
    assert ("payload_upload" in schema["properties"]) is facility.takes_plans
    body = json.loads(json.loads((openapi.EVENTS / f"{facility.id}-submit.json").read_text())["body"])
    assert component_errors(document, name, body) == []
    for key in schema["required"]:
        assert component_errors(document, name, {each: body[each] for each in body if each != key})
    assert component_errors(document, name, {**body, "elsewhere": 1})


def test_a_plan_is_given_or_uploaded(survey: Json) -> None:
    upload = "0123456789abcdef0123456789abcdef"
    for name, more in (("SurveySubmitBody", {"allocation_id": "s-1"}), ("SurveyUpdateBody", {})):
        assert component_errors(survey, name, {**more, "payload": PLAN}) == []
        assert component_errors(survey, name, {**more, "payload_upload": upload}) == []
        assert component_errors(survey, name, more)
        assert component_errors(survey, name, {**more, "payload": PLAN, "payload_upload": upload})
        assert component_errors(survey, name, {**more, "payload_upload": "no id"})


def test_the_limits_of_bodies(survey: Json) -> None:
    plans = survey["paths"]["/facilities/survey/plans"]["post"]
    assert plans["requestBody"]["description"] == "At most 4 MiB"
    assert plans["responses"]["413"] == {"$ref": "#/components/responses/Problem413Plans"}
    closing = survey["paths"]["/facilities/survey/plans/{id}/close"]["post"]
    assert closing["requestBody"]["description"] == "At most 256 KiB"
    assert closing["responses"]["413"] == {"$ref": "#/components/responses/Problem413"}
    said = survey["components"]["responses"]["Problem413Plans"]["description"]
    assert f"{SURVEY.body_limit >> 20} MiB" in said
    assert f"{payloads.LIMIT >> 20} MiB" in said


@pytest.mark.parametrize("name", ["SurveyAllocationBody", "AllocationPatch"])
def test_the_handover_of_an_allocation(survey: Json, name: str) -> None:
    handover_schema = survey["components"]["schemas"][name]["properties"]["handover"]
    assert {"$ref": "#/components/schemas/Handover"} in handover_schema["anyOf"]
    base = {"pi": "PI", "group": "g", "altdata": {"listener_token": SECRET}}
    given = base if name == "SurveyAllocationBody" else {}
    portal = {"url": "https://skyportal.example.org", "token": "t", "instrument_id": 3}
    assert component_errors(survey, name, {**given, "handover": {"skyportal": portal}}) == []
    assert component_errors(survey, name, {**given, "handover": None}) == []
    assert component_errors(
        survey, name, {**given, "handover": {"skyportal": {**portal, "instrument_id": 0}}}
    )
    assert component_errors(survey, name, {**given, "handover": {"pigeon": {}}})


def test_secrets_are_marked(survey: Json) -> None:
    schemas = survey["components"]["schemas"]
    marked = {
        (name, key)
        for name, schema in schemas.items()
        for key, each in schema.get("properties", {}).items()
        if each.get("x-secret")
    }
    hooks = ("slack_workspace", "slack_channel", "slack_token")
    assert marked == {
        ("Webhook", "secret"),
        ("SkyPortal", "token"),
        ("SkyPortalSenderBody", "token"),
        ("SurveyAltdata", "listener_token"),
        *((name, key) for name in ("Notify", "SurveyAltdata") for key in hooks),
    }


def test_the_bodies_have_the_models_fields(survey: Json) -> None:
    schemas = survey["components"]["schemas"]
    for name, model in (
        ("SurveySubmitBody", SubmitBody),
        ("SurveyUpdateBody", UpdateBody),
        ("SurveyAllocationBody", AllocationBody),
        ("AllocationPatch", AllocationPatch),
        ("CloseBody", CloseBody),
        ("Handover", Handover),
    ):
        assert set(schemas[name]["properties"]) == set(model.model_fields)


# -- what is answered


def test_the_records_are_as_described(survey: Json) -> None:
    event = Event("e", 1, "2026-11-22T17:00:00.000Z", "submit", None, Status.SUBMITTED.value, "slew")
    notice = Marker("r", "e", "slack")
    for doc in (shown(event.as_doc()), shown(notice.doc())):
        assert component_errors(survey, "Event", doc) == []
        assert set(doc) <= set(survey["components"]["schemas"]["Event"]["properties"])
    sender = Sender("t", None, {"7": "lco-1"}, "replace").view()
    assert component_errors(survey, "SkyPortalSender", sender) == []
    assert set(survey["components"]["schemas"]["SkyPortalSender"]["properties"]) == set(sender)


def test_what_is_shown_is_described_whole(survey: Json) -> None:
    made = examples_of("survey")
    for name, shown_now in (("Request", made.request_with_history), ("Allocation", made.allocation_shown)):
        described = set(survey["components"]["schemas"][name]["properties"])
        assert set(shown_now) | ({"usage"} & described) == described
        assert component_errors(survey, name, shown_now) == []


def test_an_allocation_is_shown_without_its_secrets(survey: Json) -> None:
    answer = survey["paths"]["/facilities/survey/allocations"]["post"]["responses"]["201"]
    example = answer["content"]["application/json"]["example"]
    assert example["altdata"] == {"listener_token": MASK}
    assert example["handover"]["webhook"]["secret"] == MASK


def test_measurements_are_as_described(survey: Json) -> None:
    measurement = survey["components"]["schemas"]["Measurement"]
    assert set(measurement["properties"]) == {each.name for each in fields(Row)}
    assert measurement["properties"]["mjd"]["unit"] == light_curve.COLUMNS["mjd"][1]


def test_the_cuts_are_parameters_of_both_reads(survey: Json) -> None:
    for path in ("/requests/{id}/photometry", "/requests/{id}/photometry.png"):
        references = survey["paths"][path]["get"]["parameters"]
        named = {
            survey["components"]["parameters"][each["$ref"].rpartition("/")[2]]["name"] for each in references
        }
        assert named >= set(light_curve.CUTS)
    with pytest.raises(Invalid):
        light_curve.cuts_of({"min_snr": "1e9"})
    assert errors(survey, 1e9, "components", "parameters", "MinSnr", "schema")


def test_the_examples_of_closing_are_taken(survey: Json) -> None:
    content = survey["paths"]["/facilities/survey/requests/{id}/close"]["post"]["requestBody"]["content"]
    assert parse(CloseBody, content["application/json"]["example"]).status is Status.COMPLETE


def test_generated_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "facilities", lambda: [each for each in FACILITIES if each.id == "slack"])
    arguments = ["--into", str(tmp_path)]
    assert generate.main([*arguments, "--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert generate.main(arguments) == 0
    assert generate.main([*arguments, "--check"]) == 0
    assert {each.name for each in tmp_path.iterdir()} == {"catalogue.json", "openapi.json"}
    validate(json.loads((tmp_path / "openapi.json").read_text()))
