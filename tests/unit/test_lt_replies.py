"""Liverpool Telescope: what its answers say, in every form of rejection; XML that must not be trusted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt import soap
from lt.markup import Unreadable, parse
from lt.reply import NO_REASON, Reply, readable
from slew.wire import Answer

DECLARATION = '<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>\n'
OVERDRAWN = "Proposal [PL26A99] allocation account is overdrawn: Bal=-1.2h"
REMOTE = "RemoteException occurred in server thread; nested exception is: \n\t"
NESTED = f"java.rmi.ServerException: {REMOTE}java.rmi.RemoteException: Exception while handling request: "
MISMATCH = "checkUsernamesMatch:Unaliased Header Username a does not match RTML username b."
DEVICE = "org.estar.tea.DeviceInstrumentUtilites:getInstrumentId:Failed to find instrument name for IO:I"


def rtml(history: str, mode: str = "reject", more: str = "") -> str:
    return (
        f'{DECLARATION}<RTML xmlns="http://www.rtml.org/v3.1a" mode="{mode}" uid="u-1-2" version="3.1a">'
        f"<History>{history}</History>{more}</RTML>"
    )


def entry(inner: str, agent: str = "unknown") -> str:
    return f'<Entry timeStamp="2026-01-20T12:00:09+00:00"><Agent name="{agent}"/>{inner}</Entry>'


def told(text: str) -> str:
    return f"<Description>{text}</Description><Error>{text}</Error>"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (f"{NESTED}java.lang.Exception: {OVERDRAWN}", OVERDRAWN),
        (f"java.rmi.ServerException: {REMOTE}{NESTED}java.lang.Exception: {OVERDRAWN}", OVERDRAWN),
        (f"{REMOTE}java.rmi.RemoteException: java.lang.Exception: {OVERDRAWN}", OVERDRAWN),
        (
            f"java.lang.Exception: {MISMATCH}",
            MISMATCH,
        ),
        (
            "org.estar.rtml.RTMLException: org.estar.rtml.RTML31Parser:parseDeclinationNode:Illegal Degrees"
            " value:34 does not start with a '+' or '-'. : badly formatted rtml received",
            "Illegal Degrees value:34 does not start with a '+' or '-'.",
        ),
        (f"java.lang.Exception: {DEVICE}", "Failed to find instrument name for IO:I"),
        (f"Device configuration error: {DEVICE}", f"Device configuration error: {DEVICE}"),
        ("Exception while handling abort request: java.lang.Exception: handleAbort:No", "handleAbort:No"),
        ("Exception while handling update request: x", "x"),
        ("Exception while handling score: x", "x"),
        ("java.lang.NoClassDefFoundError: x", "x"),
        ("java.lang.NullPointerException", "java.lang.NullPointerException"),
        ("java.lang.Exception: ", "java.lang.Exception:"),
        ("  Your Exposure\n\ttime is too short. ", "Your Exposure time is too short."),
        ("", ""),
    ],
)
def test_java_errors_in_words(given: str, words: str) -> None:
    assert readable(given) == words


def test_a_long_reason_is_cut() -> None:
    assert len(readable("x" * 5000)) == 1001


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        # by the TEA: two entries
        (
            rtml(
                entry(told(f"{NESTED}java.lang.Exception: {OVERDRAWN}"))
                + entry(told("something else"), "LT_NodeAgent")
            ),
            OVERDRAWN,
        ),
        # by the node agent itself
        (rtml(entry(told("java.lang.Exception: No Contact in received document"))), None),
        # Rejection before Error
        (
            rtml(
                entry(
                    '<Rejection reason="syntax"><Description>One schedule only.</Description></Rejection>',
                    "TEA:LT_TEA",
                )
                + entry("<Error>later</Error>")
            ),
            "One schedule only.",
        ),
        # the last Rejection
        (
            rtml(
                entry('<Rejection reason="other"><Description>first</Description></Rejection>')
                + entry('<Rejection reason="other"><Description>second</Description></Rejection>')
            ),
            "second",
        ),
        # Description alone, the last
        (rtml(entry("<Description>a</Description>") + entry("<Description>b</Description>")), "b"),
        # an empty Error counts for nothing
        (rtml(entry("<Description>a</Description><Error/>")), "a"),
        (rtml(""), NO_REASON),
        # RTML 2.2: no namespace, `type`, a DOCTYPE, the text in the root
        (
            f'{DECLARATION}<!DOCTYPE RTML SYSTEM "http://www.estar.org.uk/documents/rtml2.2.dtd">\n'
            '<RTML type="reject" version="2.2">org.estar.rtml.RTMLException: bad : badly formatted rtml'
            " received</RTML>",
            "bad",
        ),
        # the last resort, which is no XML
        (
            '<!DOCTYPE RTML SYSTEM "x.dtd"><RTML type="reject" version="2.2">handle_rtml failed with'
            " exception:java.lang.X at <init> & more</RTML>",
            "handle_rtml failed with exception:java.lang.X at <init> & more",
        ),
        ('<RTML type="reject" version="2.2">&</RTML>', "&"),
        # any prefix will do
        (
            '<r:RTML xmlns:r="http://www.rtml.org/v3.1a" mode="reject"><r:History><r:Entry>'
            "<r:Error>no</r:Error></r:Entry></r:History></r:RTML>",
            "no",
        ),
    ],
)
def test_reasons_of_rejections(document: str, reason: str | None) -> None:
    reply = Reply.read(document)
    assert (reply.mode, reply.reason) == ("reject", reason or "No Contact in received document")


@pytest.mark.parametrize("mode", ["confirm", "offer", "update"])
def test_other_modes_have_no_reason(mode: str) -> None:
    reply = Reply.read(rtml(entry("<Description>Request confirmed.</Description>", "TEA:LT_TEA"), mode))
    assert (reply.mode, reply.uid, reply.reason) == (mode, "u-1-2", "")
    assert reply.said == "Request confirmed."


def test_scores() -> None:
    scoring = '<Scoring><Score cumulative="0.1" probability="0.4"/><Score cumulative="nan"/></Scoring>'
    assert Reply.read(rtml("", "offer", scoring)).scores == ((0.1, 0.4), (0.0, 0.0))


@pytest.mark.parametrize(
    "text",
    ["", "hello", "<html><body>no</body></html>", "<RTML mode='confirm'>&</RTML>", "<RTML>", "<a/><b/>"],
)
def test_what_is_no_reply(text: str) -> None:
    with pytest.raises(Unreadable):
        Reply.read(text)


# -- XML that must not be trusted

BOMB = (
    '<!DOCTYPE RTML [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<RTML mode="reject">&b;</RTML>'
)


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        '<!DOCTYPE RTML [<!ENTITY x SYSTEM "file:///etc/passwd">]><RTML mode="reject">&x;</RTML>',
        '<!DOCTYPE RTML [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><RTML mode="reject"/>',
        '<!DOCTYPE RTML SYSTEM "http://127.0.0.1:1/x.dtd"><RTML mode="reject">&x;</RTML>',
        "<RTML>" * 200 + "</RTML>" * 200,
    ],
)
def test_entities_and_depth_are_refused(document: str) -> None:
    with pytest.raises(Unreadable):
        parse(document)


def test_a_bomb_is_told_as_it_stands_and_not_expanded() -> None:
    assert Reply.read(BOMB).reason == "&b;"


def test_a_dtd_is_only_named() -> None:
    root = parse('<!DOCTYPE RTML SYSTEM "http://127.0.0.1:1/x.dtd"><RTML type="reject">a &amp; b</RTML>')
    assert (root.name, root.text) == ("RTML", "a & b")


@given(st.text() | st.binary())
@settings(max_examples=50)
def test_anything_is_read_or_refused(content: str | bytes) -> None:
    try:
        root = parse(content)
    except Unreadable:
        return
    assert root.name


@given(st.text(max_size=200))
@settings(max_examples=50)
def test_a_reply_holds_any_words(words: str) -> None:
    try:
        reply = Reply.read(f'<RTML type="reject" version="2.2">{words}</RTML>')
    except Unreadable:
        return
    assert reply.mode == "reject"
    assert reply.reason


# -- SOAP

ENVELOPE = '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>{}</S:Body></S:Envelope>'


def answer(body: str, status: int = 200, **more: Any) -> Answer:
    return Answer(status, {}, body.encode(), **more)


def test_what_a_call_returned() -> None:
    body = ENVELOPE.format("<x:pingResponse xmlns:x='y'><return>A &lt;K</return></x:pingResponse>")
    assert soap.result(answer(body)) == "A <K"


def test_a_fault_is_told_without_its_stack_trace() -> None:
    fault = (
        "<S:Fault><faultcode>S:Server</faultcode><faultstring>org.estar.node_agent2.NodeAgentWebServiceImpl:"
        "checkUsernamePassword:Incorrect Password for User:ltuser01</faultstring>"
        "<detail><trace>java.lang.X</trace></detail></S:Fault>"
    )
    with pytest.raises(soap.Fault) as caught:
        soap.result(answer(ENVELOPE.format(fault), 500))
    assert caught.value.reason == "Incorrect Password for User:ltuser01"
    assert caught.value.of_credentials


def test_other_faults_are_not_of_the_credentials() -> None:
    fault = "<S:Fault><faultstring>java.lang.NullPointerException</faultstring></S:Fault>"
    with pytest.raises(soap.Fault) as caught:
        soap.result(answer(ENVELOPE.format(fault), 500))
    assert (caught.value.reason, caught.value.of_credentials) == ("java.lang.NullPointerException", False)
    with pytest.raises(soap.Fault, match="without a reason"):
        soap.result(answer(ENVELOPE.format("<S:Fault/>"), 500))


@pytest.mark.parametrize(
    "given",
    [
        answer("<html><body>502</body></html>", 502),
        answer("<!doctype html><p>x<br></p>", 404),
        answer(""),
        answer("not xml"),
        answer(ENVELOPE.format("")),
        answer(ENVELOPE.format("<return/>")),
        answer(ENVELOPE.format("<return>x</return>"), truncated=True),
    ],
)
def test_what_is_no_soap_answer(given: Answer) -> None:
    with pytest.raises(Unreadable):
        soap.result(given)
