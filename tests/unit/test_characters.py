"""Whatever a facility says can be written down."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from slew import http_api, table
from slew.characters import writable
from slew.redact import Redactor

anything = st.text(st.characters(), max_size=30)
values = st.recursive(
    anything | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)


@given(anything)
@example("\ud83d")
@example("a\ude00\ud83db")
def test_only_what_is_no_character_is_replaced(text: str) -> None:
    kept = writable(text)
    kept.encode()
    assert kept == "".join("\ufffd" if "\ud800" <= each <= "\udfff" else each for each in text)


@given(values)
@example({"\ud83d": ["\ude00"]})
@example({"token": {"\ud83d": "\ude00"}})
def test_whatever_is_written_is_utf_8(value: Any) -> None:
    redactor = Redactor(["s3cr3t-token"])
    for text in (
        table.text({"value": value})["S"],
        str(http_api.answer(value).body),
        redactor.body(json.dumps(value)),
        redactor.text(str(value)),
    ):
        text.encode()
