"""No form of a secret passes the redactor.

What passed is read by `tests.support.leaks`, which undoes encodings instead of knowing them.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from html import escape
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from slew import redact, secret_forms
from slew.redact import MASK, Redactor
from tests.support.leaks import Scanner

characters = st.characters(exclude_categories=["Cs", "Cc"])
odd = st.one_of(characters, st.sampled_from("\"'%&<>\\/+= \u00e9\U0001f511"))
credentials = st.text(odd, min_size=4, max_size=40).filter(lambda text: len(text.strip()) > 3)
# What JSON itself is written with stands in every JSON text, secret or not.
short = st.text(odd, min_size=1, max_size=3).filter(
    lambda text: text.strip() == text and not set(text) & set("*{}[]:,")
)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def b64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def jwt(claims: object) -> str:
    return f"{b64url(json.dumps({'alg': 'HS256'}))}.{b64url(json.dumps(claims))}.{b64url('signature')}"


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: f"x {secret} y",
    "url": lambda secret: f"https://example.org/?k={quote(secret, safe='')}&b=1",
    "url, slashes kept": lambda secret: f"/a/{quote(secret)}/b",
    "form": lambda secret: urlencode({"user": "u", "password": secret}),
    "lower-case percent": lambda secret: quote(secret, safe="").lower() if secret.islower() else "",
    "json": lambda secret: json.dumps({"a": {"b": [secret]}}),
    "json, utf-8": lambda secret: json.dumps({"k": secret}, ensure_ascii=False),
    "json, slashes escaped": lambda secret: json.dumps({"k": secret}).replace("/", "\\/"),
    "json in json": lambda secret: json.dumps({"body": json.dumps({"k": secret})}),
    "python": lambda secret: repr({"k": secret}),
    "html": lambda secret: f"<p>{escape(secret)}</p>",
    "xml": lambda secret: f"<pw>{escape(secret, quote=False)}</pw>",
    "xml, what it demands": lambda secret: f"<pw>{secret.replace('&', '&amp;').replace('<', '&lt;')}</pw>",
    "html in json": lambda secret: json.dumps({"page": f"<b>{escape(secret)}</b>"}),
    "url in json": lambda secret: json.dumps({"url": f"/x?k={quote_plus(secret)}"}),
    "base64": b64,
    "basic": lambda secret: f"Authorization: Basic {b64(f'observer:{secret}')}",
    "pair in json": lambda secret: json.dumps({"auth": b64(f"observer:{secret}")}),
    "pair reversed": lambda secret: json.dumps({"auth": b64(f"{secret}:observer")}),
    "pair in a url": lambda secret: f"/?auth={quote(b64(f'observer:{secret}'), safe='')}&x=1",
    "basic in a url": lambda secret: f"/?auth=Basic%20{quote(b64(f'observer:{secret}'), safe='')}&x=1",
    "jwt": lambda secret: f"jwt={jwt({'user': 'u', 'key': secret, 'n': 1})}",
    "jwt in a url": lambda secret: f"https://example.org/?jwt={jwt({'key': secret})}&x=1",
    "jwt, unescaped": lambda secret: (
        "jwt="
        + ".".join(
            (
                b64url('{"alg": "HS256"}'),
                b64url(json.dumps({"key": secret}, ensure_ascii=False)),
                b64url("signature"),
            )
        )
    ),
}


def leaks(secret: str, text: str) -> list[str]:
    scanner = Scanner({"secret": secret})
    scanner.text("text", text)
    return [leak.around for leak in scanner.leaks]


@given(credentials)
@example("p%20w+o/r=d&")
@example("quo\"te's\\n")
@example("p\u00e4ssw\u00f6rd")
@example("\U0001f511\U0001f511\U0001f511key")
@example("%41%42%43%44")
@pytest.mark.parametrize("form", FORMS)
def test_no_form_passes(form: str, secret: str) -> None:
    assume(secret not in FORMS[form]("other") and secret not in MASK)
    redactor = Redactor([secret])
    text = FORMS[form](secret)
    assert not leaks(secret, redactor.text(text))
    assert not leaks(secret, redactor.body(text))


@given(short)
@example("a")
@example("\u00e9")
@example('"')
@example("%")
@example("7")
@example("\U0001f511")
@example("(*?")
@pytest.mark.parametrize(
    "form",
    [
        "url",
        "form",
        "json",
        "json, utf-8",
        "json in json",
        "python",
        "basic",
        "pair in json",
        "pair reversed",
        "pair in a url",
        "basic in a url",
        "jwt",
    ],
)
def test_a_short_one_is_masked_where_it_is_a_credential(form: str, secret: str) -> None:
    text = FORMS[form](secret)
    masked = Redactor([secret]).text(text)
    assert masked != text
    assert not leaks(secret, masked)
    if form == "json":
        assert json.loads(masked) == {"a": {"b": [MASK]}}


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=3))
def test_a_short_one_leaves_texts_and_the_names_of_fields(secret: str) -> None:
    redactor = Redactor([secret])
    text = f"an {secret} a day, and {secret}s; field {secret}."
    assert redactor.text(text) == text
    assert set(redactor.data({secret: 1, "b": {secret: None}})) == {secret, "b"}


@given(credentials, anything, anything)
def test_whatever_stands_around_it(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    assume(secret not in before + MASK + after)
    assert secret not in redactor.text(f"{before}|{secret}|{after}")


@given(credentials, st.text(st.characters(codec="ascii"), max_size=20))
def test_base64_wherever_the_secret_stands_in_it(secret: str, user: str) -> None:
    redactor = Redactor([secret])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(f"{user}:{secret}:more".encode()).decode()
        masked = redactor.text(f"x {encoded}")
        assert encode(secret.encode()).decode().rstrip("=") not in masked
        assert MASK in masked


@given(st.lists(credentials, min_size=2, max_size=4))
def test_several_of_which_one_is_in_another(secrets: list[str]) -> None:
    secrets = [*secrets, secrets[0] + secrets[1]]
    masked = Redactor(secrets).text(json.dumps({"k": secrets}))
    for secret in secrets:
        assume(secret not in json.dumps({"k": [MASK] * len(secrets)}))
        assert not leaks(secret, masked)


@given(credentials)
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


def test_the_payload_of_a_signed_token_is_masked_where_it_has_the_secret() -> None:
    head, payload, _ = jwt({"user": "u", "key": "pw"}).split(".")
    assert Redactor(["pw"]).text(f"{head}.{payload}.c2lnbmF0dXJl") == f"{head}.{MASK}.{MASK}"


def test_basic_authentication_is_masked_by_its_form() -> None:
    told = f"curl -H 'authorization: basic {b64('u:nobody told the redactor')}'"
    assert Redactor().text(told) == f"curl -H 'authorization: basic {MASK}'"
    assert (
        Redactor().text("Basic information, basic authentication")
        == "Basic information, basic authentication"
    )


def test_headers_in_which_a_credential_travels() -> None:
    headers = {"X-CSRFToken": "t", "Api-Key": "k", "X-User": "pw", "X-Auth": "Key pw", "Accept": "*/*"}
    assert Redactor(["pw"]).headers(headers) == {
        "X-CSRFToken": MASK,
        "Api-Key": MASK,
        "X-User": MASK,
        "X-Auth": f"Key {MASK}",
        "Accept": "*/*",
    }


def test_fields_in_other_spellings() -> None:
    fields = {"apiToken": "a", "clientSecret": "b", "userpass": "c", "passphrase": "d", "tokenless": "e"}
    assert Redactor().data(fields) == {**dict.fromkeys(fields, MASK), "tokenless": "e"}


def test_a_blank_secret_and_the_mask_itself_change_nothing() -> None:
    assert Redactor([" ", "    ", "****"]).text("a    b ****") == "a    b ****"


def test_few_forms_of_a_plain_token() -> None:
    """What a facility's token costs: the redactor is made anew with every credential that is opened."""
    assert len(secret_forms.every("0123456789abcdef0123456789abcdef01234567")) < 10


def test_each_thread_has_its_own() -> None:
    seen: list[str] = []

    def work(secret: str) -> None:
        redact.use(Redactor([secret]))
        barrier.wait()
        seen.append(redact.current.text("first-secret second-secret"))

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=work, args=[each]) for each in ("first-secret", "second-secret")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [f"{MASK} second-secret", f"first-secret {MASK}"]
