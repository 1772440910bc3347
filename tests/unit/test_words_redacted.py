"""However a facility's words are cut and tidied for people, no piece of a credential is left in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini import answers as gemini
from generic import endpoint
from kait import answers as kait
from lt import reply as lt
from mma import receiver, ssh
from nicer import pages as nicer
from sedm import answers as sedm
from sedm import spectra
from skyportal_handover import channel as skyportal
from slew import drf, redact, slack_webhook
from slew.errors import FacilityError
from slew.pages import LONGEST_PAGE, for_people, words
from slew.redact import MASK, Redactor
from slew.wire import Answer
from swift_too import answers as swift_too
from swift_xrt import job as swift_xrt
from swift_xrt import server as swift_xrt_server
from winter import server as winter
from ztf import gateway
from ztf_forced_photometry import service as ztf_forced_photometry

TOKEN = "Zq7-rT4w9Kx2Lm8Vb3Nc6Hd1Jf5Gs0Py"
BLANKS = "ab  cd\tpw!\tand more"
PIECE = 6
LONGEST = 1100


def said(status: int, **content: Any) -> Answer:
    return Answer(status, {}, json.dumps(content).encode())


def page(text: str) -> Answer:
    return Answer(400, {}, text.encode())


def refusal(judge: Callable[[Any], object], about: Any) -> str:
    with pytest.raises(FacilityError) as caught:
        judge(about)
    return caught.value.reason


ROADS: dict[str, Callable[[str], str]] = {
    "for_people": for_people,
    "a page": words,
    "drf": lambda text: drf.refusal(said(400, detail=text)),
    "generic, message": lambda text: endpoint.reason(said(400, message=text)),
    "generic, page": lambda text: endpoint.reason(page(text)),
    "generic, ignored": lambda text: refusal(endpoint.taken, said(200, data={"ignored": 1, "message": text})),
    "generic, rejected": lambda text: refusal(
        endpoint.taken, said(200, data={"request_status": f"rejected: {text}"})
    ),
    "generic, taken": lambda text: endpoint.taken(said(200, data={"request_status": text, "id": 1})).text,
    "generic, redirected": lambda text: refusal(endpoint.taken, Answer(302, {"location": text}, b"")),
    "gemini": lambda text: gemini.reason(page(f"<html><pre>{text}</pre></html>")),
    "kait": lambda text: refusal(kait.message, said(200, message=text)),
    "lt": lt.readable,
    "mma": lambda text: receiver.words(said(400, message=text)),
    "mma, state": lambda text: receiver.state({"status": text})[1],
    "mma, ssh": lambda text: ssh.words(OSError(text)),
    "nicer": lambda text: nicer.refusal(f"Attempted verification detected {text}</span>") or "",
    "sedm": lambda text: sedm.title_of(page(f"<title>{text}</title>")),
    "sedm, header": lambda text: str(spectra.header(f"# OBJECT: {text}\n")),
    "skyportal": lambda text: refusal(skyportal._check, said(400, message=text)),
    "slack": lambda text: refusal(slack_webhook.judge, page(text)),
    "swift_too": lambda text: swift_too.words(said(400, detail=text)),
    "swift_xrt": lambda text: swift_xrt_server._reason({"ERROR": text}),
    "swift_xrt, job": lambda text: str(swift_xrt._state({"statusCode": 1, "statusText": text})),
    "winter": lambda text: winter.reason(said(400, detail=text)),
    "winter, page": lambda text: winter.reason(page(text)),
    "ztf": gateway.words,
    "ztf_forced_photometry": ztf_forced_photometry._said,
}


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    redact.use(Redactor([TOKEN, BLANKS]))
    yield
    redact.use(Redactor())


def left_of(secret: str, text: str) -> list[str]:
    pieces = (secret[start : start + PIECE] for start in range(len(secret) - PIECE + 1))
    return [piece for piece in pieces if piece in text]


@pytest.mark.parametrize("road", ROADS)
def test_wherever_the_cut_falls_no_piece_of_a_token_is_left(road: str) -> None:
    for padding in range(LONGEST):
        text = ROADS[road](f"{'x. ' * (padding // 3)}{'y' * (padding % 3)} {TOKEN} and more")
        assert not left_of(TOKEN, text), (padding, text)


@pytest.mark.parametrize("road", [road for road in ROADS if road != "sedm, header"])
def test_blanks_in_a_password_are_not_tidied_before_it_is_known(road: str) -> None:
    text = ROADS[road](f"no such password: {BLANKS}, try again")
    assert MASK in text
    assert not left_of(" ".join(BLANKS.split()), text)


@given(st.integers(LONGEST_PAGE - 100, LONGEST_PAGE + 100))
def test_what_a_page_does_not_show_hides_no_cut(length: int) -> None:
    assert not left_of(TOKEN, words(f"<!--{'x' * length}-->{TOKEN}"))
    assert not left_of(TOKEN, words(f"<!--{'x' * (length - 50)}-->{'y' * 20}{TOKEN}"))


@given(st.integers(LONGEST_PAGE - 100, LONGEST_PAGE + 10))
def test_where_a_page_is_cut_no_half_of_a_token_is_left(length: int) -> None:
    for text in (f"<!--{'x' * (length - 40)}-->{TOKEN} and more", f"{' ' * length}{TOKEN}{'z' * 300}"):
        assert not left_of(TOKEN, words(text))
        assert not left_of(TOKEN, for_people(text))


def test_a_token_in_entities_is_known_once_it_can_be_read() -> None:
    assert words("".join(f"&#{ord(each)};" for each in TOKEN)) == MASK
