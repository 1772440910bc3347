"""Every payload of every facility: text is no number, and a number no flag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local import catalogue
from slew.errors import Invalid
from slew.facility import Facility, _kinds
from slew.validation import parse

EVENTS = Path(__file__).parent.parent.parent / "events"


def fields() -> list[Any]:
    return [
        pytest.param(facility, instrument, name, id=f"{facility.id}-{instrument or 'default'}-{name}")
        for facility in catalogue.facilities()
        for instrument, model in facility.payloads.items()
        for name, field in model.model_fields.items()
        if _kinds(field.annotation) & {int, float, bool}
    ]


@pytest.mark.parametrize(("facility", "instrument", "name"), fields())
def test_a_value_of_the_wrong_kind(facility: Facility, instrument: str | None, name: str) -> None:
    event = json.loads((EVENTS / f"{facility.id}-submit.json").read_text())
    payload = json.loads(event["body"])["payload"]
    model = facility.payloads[instrument]
    known = {key: value for key, value in payload.items() if key in model.model_fields}
    flag = bool in _kinds(model.model_fields[name].annotation)
    text = "string" in json.dumps(catalogue.schema(model)["properties"].get(name, {}))  # such as sexagesimal
    numbers = (True, False, "NaN") if text else ("1", True, False, "", "NaN")
    for wrong in ("yes", 2, "true") if flag else numbers:
        with pytest.raises(Invalid) as caught:
            parse(model, {**known, name: wrong}, ["payload"])
        assert ("payload", name) in [error.loc[:2] for error in caught.value.errors]
