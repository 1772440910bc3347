"""Errors of models: one for each bad field, at its place."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, model_validator

from slew.errors import FieldError, Invalid
from slew.validation import parse, refusal


class Plan(BaseModel):
    """Fields, and a check of them all."""

    fields: Annotated[tuple[int, ...], Field(min_length=2)]
    note: str = ""

    @model_validator(mode="after")
    def _as_told(self) -> Plan:
        if self.note:
            raise refusal([("note", self.note), ("fields", "go with it")])
        return self


def errors(**data: object) -> list[FieldError]:
    with pytest.raises(Invalid) as caught:
        parse(Plan, data, ["payload"])
    return list(caught.value.errors)


def test_bad_entries_do_not_make_a_sequence_short() -> None:
    [error] = errors(fields=[1, "x"])
    assert error.loc == ("payload", "fields", 1)


def test_what_is_short_is_told() -> None:
    [error] = errors(fields=[1])
    assert error.loc == ("payload", "fields")
    assert "at least 2" in error.msg


@given(st.text(min_size=1))
def test_a_check_of_the_whole_names_its_fields(text: str) -> None:
    assert errors(fields=[1, 2], note=text) == [
        FieldError(("payload", "note"), text),
        FieldError(("payload", "fields"), "go with it"),
    ]
