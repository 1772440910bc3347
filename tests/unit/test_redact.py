"""No form of a secret passes the redactor."""

from __future__ import annotations

import base64
import json
from html import escape
from urllib.parse import quote, quote_plus

from hypothesis import assume, given
from hypothesis import strategies as st

from slew.redact import MASK, Redactor

secrets = st.text(min_size=6, max_size=40).filter(
    lambda text: text.strip() and text.encode("utf-8", "ignore")
)
utf8 = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(utf8, anything, anything)
def test_plain_and_escaped_forms(secret: str, before: str, after: str) -> None:
    assume(secret not in before + after and MASK not in secret and secret not in MASK)
    redactor = Redactor([secret])
    for form in (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        escape(secret),
    ):
        assert form not in redactor.text(f"{before}|{form}|{after}")


@given(utf8, st.text(st.characters(codec="ascii"), max_size=20))
def test_base64_wherever_the_secret_stands_in_it(secret: str, user: str) -> None:
    redactor = Redactor([secret])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(f"{user}:{secret}".encode()).decode()
        masked = redactor.text(f"Basic {encoded}")
        inside = encode(secret.encode()).decode().rstrip("=")
        assert inside not in masked
        assert MASK in masked


@given(utf8)
def test_nested_data_and_keys(secret: str) -> None:
    redactor = Redactor([secret])
    masked = json.dumps(
        redactor.data({"a": [{secret: secret}, f"x{secret}y"], "b": 1, "c": None}), ensure_ascii=False
    )
    assume(secret not in json.dumps({"a": [{MASK: MASK}, f"x{MASK}y"], "b": 1, "c": None}))
    assert secret not in masked


def test_secret_headers_and_fields_are_masked_by_name() -> None:
    redactor = Redactor()
    assert redactor.headers({"Authorization": "Token abc", "Cookie": "s=1", "X-Y": "z"}) == {
        "Authorization": f"Token {MASK}",
        "Cookie": MASK,
        "X-Y": "z",
    }
    assert redactor.data(
        {"api_token": "abc", "API_TOKEN": "d", "slack_token": "e", "password": "f", "name": "g"}
    ) == {
        "api_token": MASK,
        "API_TOKEN": MASK,
        "slack_token": MASK,
        "password": MASK,
        "name": "g",
    }
    assert json.loads(redactor.body('{"token": "abc", "n": 1}')) == {"token": MASK, "n": 1}


def test_all_below_a_secret_name_is_masked() -> None:
    tokens = {"tokens": {"archive": "abc", "more": ["def", 3, None]}, "profile": {"archive": "x"}}
    assert Redactor().data(tokens) == {
        "tokens": {"archive": MASK, "more": [MASK, 3, None]},
        "profile": {"archive": "x"},
    }


def test_a_very_short_secret_is_masked_where_it_stands_alone() -> None:
    redactor = Redactor(["T0", "7"])
    assert redactor.data({"a": "T0", "b": "NOT0", "c": 7, "d": 17}) == {
        "a": MASK,
        "b": "NOT0",
        "c": MASK,
        "d": 17,
    }


def test_nothing_known_changes_nothing() -> None:
    assert Redactor([""]).text("plain") == "plain"


def test_the_signature_of_a_signed_token_is_masked() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJlLXRoYXQtaXMtc2VjcmV0"
    assert Redactor().text(f"jwt={token}&x=1") == f"jwt=eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.{MASK}&x=1"
