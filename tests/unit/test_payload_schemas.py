"""What the catalogue says of every facility's observing parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from local.catalogue import facilities, schema
from local.examples import examples

DIMENSIONLESS = {
    "exposure_counts",
    "maximum_airmass",
    "priority",
    "max_lunar_phase",
    "configuration_repeats",
    "PhaseMinimum",
    "PhaseMaximum",
    "max_nb_tiles",
    "probability",
    "max_airmass",
    "n_repeats",
    "template_ids",
    "l_elmin",  # airmass, or hours with elevationType hourAngle
    "l_elmax",
    "n_dither",
    "n_dither_y",
    "n_dither_j",
    "n_dither_hs",
    "n_dither_dark",
    "n_repetitions",
    "field_id",
    "exp_count_blue",
    "exp_count_red",
    "maxCentTries",
    "ratefact",
    "binfact",
    "minsnr",
    "femin",
    "bayesSNR",
    "dchi",
    "zval",
}
MODELS = [
    pytest.param(model, id=f"{facility.id}-{instrument or 'default'}")
    for facility in facilities()
    for instrument, model in facility.payloads.items()
]


def properties(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of the payload and of the objects within it."""
    for part in (document, *document.get("$defs", {}).values()):
        yield from part.get("properties", {}).items()


def has_filters(model: Any) -> bool:
    return "observation_choices" in dict(properties(schema(model)))


def is_quantity(described: dict[str, Any]) -> bool:
    kinds = {each.get("type") for each in (described, *described.get("anyOf", ()))}
    return bool(kinds & {"number", "integer"})


@pytest.mark.parametrize("model", MODELS)
def test_every_quantity_names_its_unit(model: type[BaseModel]) -> None:
    quantities = {name: each for name, each in properties(schema(model)) if is_quantity(each)}
    without = {name for name, each in quantities.items() if not each.get("unit")}
    assert without <= DIMENSIONLESS


@pytest.mark.parametrize("model", [each for each in MODELS if has_filters(each.values[0])])
def test_lists_of_filters_name_each_once(model: type[BaseModel]) -> None:
    described = dict(properties(schema(model)))["observation_choices"]
    assert described["uniqueItems"] is True
    assert described["minItems"] == 1


def test_counts_of_the_generic_facility_are_whole() -> None:
    (model,) = (each.payloads[None] for each in facilities() if each.id == "generic")
    described = schema(model)["properties"]["exposure_counts"]
    assert (described["type"], described["minimum"]) == ("integer", 1)
    event = json.loads((Path(__file__).parents[2] / "events" / "generic-submit.json").read_text())
    payload = json.loads(event["body"])["payload"]
    assert model.model_validate({**payload, "exposure_counts": 2.0})
    with pytest.raises(ValueError, match="whole"):
        model.model_validate({**payload, "exposure_counts": 2.5})


def test_every_facility_takes_its_examples() -> None:
    found = examples({})
    assert set(found) == {facility.id for facility in facilities()}
    for facility in facilities():
        allocation, request = found[facility.id].allocation, found[facility.id].request
        facility.Altdata.model_validate(allocation["altdata"])
        instrument = facility.choose_instrument(request.get("instrument"), allocation.get("instrument"))
        facility.payloads[instrument].model_validate(request["payload"])
