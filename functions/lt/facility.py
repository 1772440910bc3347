"""The Liverpool Telescope: RTML documents to its node agent, one group in the Phase-2 database each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from lt import agent, archive, following, rtml
from lt.document import Document, LtOrder, document_of, kept_window, window_of
from lt.models import LtAltdata, LtPayload
from lt.payloads import IOO, LIRIC, LOCI, SPRAT, Frodo, Moptop
from lt.progress import next_look_s, standing
from lt.reply import Reply
from slew import clock
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected
from slew.facility import (
    Absent,
    Cancellation,
    Facility,
    Link,
    Prepared,
    Progress,
    Submission,
    Verdict,
    Verification,
)
from slew.pages import for_people
from slew.status import Status
from slew.wire import HttpRequest

_ABSENT = re.compile(
    r"(?i)\b(?:fail\w* to|unable to|could not|cannot|did not) (?:find|locate|match)\b|\bnot (?:be )?found\b"
    r"|\bno such\b|\bdoes not exist\b|\bunknown (?:group|uid)\b"
)


class Lt(Facility):
    """The Liverpool Telescope, La Palma."""

    id = "lt"
    title = "Liverpool Telescope"
    lanes = 1  # card: send one at a time
    longest_send_s = 10.0 + agent.SEND_TIMEOUT_S
    Altdata = LtAltdata
    payloads = {  # noqa: RUF012 (declared ClassVar in the base)
        "ioo": IOO,
        "sprat": SPRAT,
        "liric": LIRIC,
        "moptop": Moptop,
        "frodo": Frodo,
        "loci": LOCI,
    }
    retired = {  # noqa: RUF012
        "ioi": "IO:I is no more (offline since 2020, decommissioned 2023) and the LT refuses every request"
        " for it; use its successor, instrument `liric`"
    }
    first_poll_s = 1800.0

    def prepare(self, order: LtOrder, link: Link) -> Prepared:
        """One document. Raises Invalid for a window that is over and a target that never rises enough."""
        document = document_of(order)
        request = agent.rtml(order.altdata, document.text("request"))
        return Prepared((request,), (*order.payload.advice(), *document.notes))

    def submit(self, order: LtOrder, prepared: Prepared, link: Link) -> Submission:
        """Send it once; its uid is written down before. Raises Rejected, Failed, NotSent or Unanswered."""
        document = document_of(order)
        link.keep(document.data)
        reply = agent.confirmed(agent.send(link, prepared.http()))
        return _submission(order, document, reply)

    def validate(self, order: LtOrder, prepared: Prepared, link: Link) -> Verdict:
        """Ask about visibility: an inquiry checks neither proposal nor instrument (card, validate)."""
        document = document_of(order).text("inquiry")
        reply = agent.ask(link, order.altdata, document)
        if reply.mode == "reject":
            return Verdict(False, reply.reason)
        if reply.mode != "offer":
            raise NoAnswer(f"unexpected reply mode {for_people(reply.mode, 40)}")
        return _scored(reply)

    def update(self, order: LtOrder, prepared: Prepared, link: Link) -> Submission:
        """Send a changed document, and withdraw the old one only when it is confirmed. Raises as `submit`.

        An observation that has been made already is not asked for again.
        """
        former = _known(order)
        _refuse_observed(order, link, former, "a change would observe it anew")
        reply = agent.confirmed(agent.send(link, prepared.http()))
        document = document_of(order)
        left, note = _withdraw(order, link, former)
        taken = _submission(order, document, reply)
        data = {**taken.data, "superseded": [*_superseded(order), *left]}
        return replace(taken, data=data, notes=(note,) if note else ())

    def cancel(self, order: LtOrder, link: Link) -> Cancellation:
        """Abort the document, and former ones that could not be withdrawn at an update.

        Refused where it has been observed: the LT would delete the group.
        """
        uid = _known(order)
        _refuse_observed(order, link, uid, "cancelling would only remove its record")
        text = _abort(order, link, uid, may_be_gone=order.cancel_sent)
        for former in _superseded(order):
            _, note = _withdraw(order, link, former)
            text = f"{text} {note}"
        return Cancellation(text=text)

    def poll(self, order: LtOrder, link: Link) -> Progress:
        """Read the group's history, and list its files once it is observed. Raises NoAnswer."""
        return following.poll(order, link)

    def reconcile(self, order: LtOrder, link: Link) -> Submission | Absent | None:
        """Look for the document by its uid.

        None where the LT gives no status, or refuses in words that do not say that the group is missing.
        """
        former = order.facility_request_id
        uid = rtml.revised_uid(former) if former else str(order.facility_data.get("uid") or "")
        if not uid:
            return None
        reply = agent.ask(link, order.altdata, rtml.about("update", uid, order.altdata))
        if reply.mode == "update":
            return _found(order, link, uid, former)
        if not _says_absent(reply):
            return None
        if former is None:
            return Absent()
        return Submission(former, order.facility_data, text="the LT has not got the change: update it again")

    def verify(self, altdata: LtAltdata, link: Link) -> Verification:
        """Ping, which needs user and password; and the data pages, where there is a password for them."""
        answer = agent.ping(link, altdata)
        details: dict[str, Any] = {} if answer.accepted else {"checked": "user and password"}
        if altdata.data_password is not None:
            try:
                details["data_pages"] = archive.access(link, altdata)
            except NoAnswer as error:
                details["data_pages"] = f"not checked: {error.reason}"
        if not answer.accepted:
            return Verification(False, answer.text, details)
        said = for_people(answer.text, 100)
        words = f"user and password are accepted (the node agent says {said}); the proposal is not checked"
        return Verification(details.get("data_pages") != "refused", words, details)

    def download(self, order: LtOrder, product: Mapping[str, Any], link: Link) -> HttpRequest:
        """The file, with the proposal's password. Raises Rejected."""
        return archive.download(order.altdata, product)

    def exposure_s(self, payload: LtPayload) -> float:
        """Of all Schedules together."""
        return sum(setup.exposure_s * setup.count for setup in payload.setups())

    def window(self, payload: LtPayload) -> tuple[datetime, datetime] | None:
        """The window asked for, from now and for seven days where the payload does not say."""
        start, end = window_of(payload, clock.now())
        return min(start, end), end


def _submission(order: LtOrder, document: Document, reply: Reply) -> Submission:
    wait = next_look_s(order.now, document.window)
    return Submission(document.uid, document.data, text=reply.said, next_poll_s=wait)


def _known(order: LtOrder) -> str:
    if not order.facility_request_id:
        raise Rejected("the uid of the document is not known")
    return order.facility_request_id


def _superseded(order: LtOrder) -> tuple[str, ...]:
    return tuple(map(str, order.facility_data.get("superseded") or ()))


def _refuse_observed(order: LtOrder, link: Link, uid: str, consequence: str) -> None:
    """Raises Rejected where the group has been observed; NotSent where the LT does not answer."""
    try:
        reply = agent.ask(link, order.altdata, rtml.about("update", uid, order.altdata))
    except NoAnswer as error:
        raise NotSent(error.reason, error.retry_after) from None
    if reply.mode != "update":
        return  # no status to be had; the LT will judge the document itself
    found = standing(reply, order.now, kept_window(order)[1])
    if found.status is Status.COMPLETE:
        raise Rejected(f"already observed ({found.text}): {consequence}")


def _abort(order: LtOrder, link: Link, uid: str, *, may_be_gone: bool) -> str:
    """Withdraw a document; returns the LT's words. Raises Rejected, Failed, NotSent or Unanswered."""
    request = agent.rtml(order.altdata, rtml.about("abort", uid, order.altdata))
    reply = agent.send(link, request)
    if may_be_gone and _says_absent(reply):
        return f"it had been withdrawn before ({reply.reason})"
    return agent.confirmed(reply).said or "aborted"


def _withdraw(order: LtOrder, link: Link, former: str) -> tuple[tuple[str, ...], str]:
    """Abort a document that another one has replaced; returns its uid if it is still there, and a note."""
    try:
        _abort(order, link, former, may_be_gone=True)
    except FacilityError as error:
        note = f"the former document {former} could not be withdrawn ({error.reason}): both may be observed"
        return (former,), f"{note}; cancelling withdraws both"
    return (), ""


def _found(order: LtOrder, link: Link, uid: str, former: str | None) -> Submission:
    """The document that the LT has after all; an update is brought to its end."""
    data = {**order.facility_data, "uid": uid, "group": rtml.group_name(uid)}
    if former is None:
        return Submission(uid, data, text="found at the LT by its uid")
    # The order still has the former payload: what was kept of it does not hold for the changed document.
    data |= dict.fromkeys(("window_start", "window_end", "target", "exposures"))
    left, note = _withdraw(order, link, former)
    data["superseded"] = [*_superseded(order), *left]
    return Submission(uid, data, text=note or "found at the LT by its uid; the former document is withdrawn")


def _says_absent(reply: Reply) -> bool:
    """Whether a refusal says that there is no such group. The LT's words for it are not known for sure."""
    told = reply.reason
    about_group = re.search(r"(?i)\b(?:\w*group\w*|uid)\b", told)
    return bool(
        reply.mode == "reject"
        and about_group
        and _ABSENT.search(told)
        and not re.search(r"(?i)proposal name|with known proposals|does NOT have access", told)
    )


def _scored(reply: Reply) -> Verdict:
    failed = next((each for each in reply.entries if "Score failed" in each.description), None)
    if failed is not None:
        return Verdict(False, failed.error or failed.description)
    if not any(cumulative > 0 for cumulative, _ in reply.scores):
        return Verdict(False, "never observable in the window")
    details = {
        "score": max(cumulative for cumulative, _ in reply.scores),
        "best_probability": max(probability for _, probability in reply.scores),
        "said": reply.said,
        "checked": "visibility only: not proposal, access or instrument",
    }
    return Verdict(True, details=details)
