"""Gemini North and South: triggers by URL that clone prepared templates (card gemini.md: Operations)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from gemini import answers, archive, browser, progress, recovery, trigger
from gemini.ledger import Asking, Ledger
from gemini.models import GeminiAltdata, GeminiPayload
from gemini.trigger import GeminiOrder
from slew import clock
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Facility, Link, Order, Prepared, Progress, Submission
from slew.wire import HttpRequest

TIMEOUT_S = 60.0
BASELINE_TIMEOUT_S = 5.0
"""For the look at the programme before a trigger, which must not hold it up for long."""


class Gemini(Facility):
    """One trigger a template; each accepted one is an observation, and cannot be taken back by program."""

    id = "gemini"
    title = "Gemini"
    Altdata = GeminiAltdata
    payloads: ClassVar[Mapping[str | None, type[GeminiPayload]]] = {
        None: GeminiPayload,
        "north": GeminiPayload,
        "south": GeminiPayload,
    }
    resumable = True
    longest_send_s = 10.0 + BASELINE_TIMEOUT_S + 3 * (10.0 + TIMEOUT_S)  # the programme, three templates
    first_poll_s = progress.RAPID_S
    no_verify = (
        "Gemini has no harmless call that would check a user key: the only one that takes it makes an "
        "observation, and the status service asks for no login"
    )

    def prepare(self, order: GeminiOrder, link: Link) -> Prepared:
        """One POST for each template that has not been taken yet. Raises Invalid."""
        trigger.check(order)
        ledger = Ledger.of(order.facility_data)
        return Prepared(*trigger.requests(order, ledger.left(trigger.templates(order.payload))))

    def submit(self, order: GeminiOrder, prepared: Prepared, link: Link) -> Submission:
        """Trigger the templates one after another, each noted before it is sent and as it is settled.

        Raises Rejected where all are refused, NotSent where none was taken and one could not be sent, and
        Unanswered, after which nothing more is sent.
        """
        ledger = Ledger.of(order.facility_data)
        ledger.refused.clear()
        before = _numbers_there(order, link) if prepared.exchanges else None
        unsent: NotSent | None = None
        wanted = ledger.left(trigger.templates(order.payload))
        for template, request in zip(wanted, prepared.exchanges, strict=True):
            assert isinstance(request, HttpRequest)  # noqa: S101 (prepare makes no other)
            ledger.asking = Asking(template, order.now, before)
            link.keep({**ledger.as_data(), "programid": order.altdata.programid})
            try:
                _send(template, request, ledger, order, link)
            except NotSent as error:
                unsent = error
                ledger.refuse(template, f"not sent: {error.reason}")
            link.keep(ledger.as_data())
            if unsent:
                break
            if template in ledger.observations:
                recovery.mine(ledger.observations[template], order, link)
        return _outcome(order, ledger, unsent)

    def poll(self, order: GeminiOrder, link: Link) -> Progress:
        """Look the observations up in the programme, and their files in the archive. Raises NoAnswer."""
        return progress.progress(order, link)

    def reconcile(self, order: GeminiOrder, link: Link) -> Submission | Absent | None:
        """Look for the observation of the trigger that had no answer. Raises NoAnswer."""
        ledger = Ledger.of(order.facility_data)
        if not ledger.known:
            return None
        if ledger.asking is not None:
            template = ledger.asking.template
            found = recovery.find(order, ledger, ledger.asking, link)
            if found is None:
                return None
            if isinstance(found, str):
                ledger.took(template, found)
            else:
                ledger.refuse(template, "not sent: Gemini does not have it")
        # With something taken it is not sent again by itself: the rest is named, and a person resubmits it.
        return _submission(order, ledger) if ledger.observations else Absent()

    def download(self, order: GeminiOrder, product: Mapping[str, Any], link: Link) -> HttpRequest:
        """One file, uncompressed. Raises NoAnswer (proprietary, and no login)."""
        return archive.download(order, product, link)

    def exposure_s(self, payload: GeminiPayload) -> float | None:
        """Of all templates; None where they keep the times of their own, which only Gemini knows."""
        return payload.l_exptime * len(payload.template_ids or (1,)) if payload.l_exptime else None

    def window(self, payload: GeminiPayload) -> tuple[datetime, datetime]:
        """The timing window, as asked for."""
        return payload.start_date, payload.end_date


def _send(template: str, request: HttpRequest, ledger: Ledger, order: GeminiOrder, link: Link) -> None:
    """Trigger one template and note the outcome. Raises NotSent and Unanswered."""
    try:
        answer = link.http.send(request, read_timeout=TIMEOUT_S)
        observation_id = answers.observation_id(answer, order.altdata)
    except Rejected as error:
        ledger.refuse(template, error.reason)
        return
    except Unanswered as error:
        taken = f"; taken before: {_told(ledger.observations)}" if ledger.observations else ""
        raise Unanswered(f"template {template}, outcome unknown: {error.reason}{taken}") from None
    ledger.took(template, observation_id)


def _numbers_there(order: GeminiOrder, link: Link) -> frozenset[int] | None:
    """The numbers of the programme's observations before anything is sent; None where they cannot be had."""
    try:
        there = browser.read(order.altdata.programid, link, timeout_s=BASELINE_TIMEOUT_S)
    except NoAnswer:
        return None
    return there.numbers if there.found else None


def _outcome(
    order: Order[GeminiPayload, GeminiAltdata], ledger: Ledger, unsent: NotSent | None
) -> Submission:
    """What came of it all. Raises Rejected, and NotSent."""
    if ledger.observations:
        return _submission(order, ledger)
    if unsent:
        raise NotSent(unsent.reason, unsent.retry_after)
    if len(ledger.refused) == 1:
        raise Rejected(next(iter(ledger.refused.values())))
    raise Rejected(f"all the templates failed to submit: {_told(ledger.refused)}")


def _submission(order: GeminiOrder, ledger: Ledger) -> Submission:
    templates = trigger.templates(order.payload)
    left = ledger.left(templates)
    start, end = trigger.window(order.payload)
    data = {
        **ledger.as_data(),
        "programid": order.altdata.programid,
        "window": [clock.isoformat(start), clock.isoformat(end)],
    }
    text = "" if order.payload.ready else "on hold"
    if left:
        text = f"not all templates were submitted successfully, {','.join(left)} failed"
    notes = [f"template {name}: {ledger.refused.get(name, 'not sent')}" for name in left]
    ids = [ledger.observations[name] for name in templates if name in ledger.observations]
    return Submission(",".join(ids), data, text=text, notes=tuple(notes), left=left)


def _told(by_template: Mapping[str, str]) -> str:
    return "; ".join(f"template {name}: {what}" for name, what in by_template.items())
