"""Asking for the states of a job's products, and cancelling them (card: Status, Cancel)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Cancellation, Link
from slew.pages import for_people
from slew.status import Status
from swift_xrt import job, server
from swift_xrt.job import States
from swift_xrt.models import SwiftXrtAltdata

_DONE = 0


def look(job_id: str, states: States, altdata: SwiftXrtAltdata, link: Link) -> States:
    """The states now. Raises Refused, NoAnswer."""
    what = ",".join(states)
    content = {"JobID": job_id, "what": what, "whatProg": what}
    answer = server.read(link, server.call("checkProductStatus.php", altdata, content), altdata)
    if not any(isinstance(answer.get(product), Mapping) for product in states):
        raise NoAnswer("the facility's answer has no product's state in it")
    return job.updated(states, answer)


def cancel(job_id: str, states: States, altdata: SwiftXrtAltdata, link: Link) -> Cancellation:
    """Cancel the products that may still be running.

    Cancelled is the job where each product has been cancelled or had finished; where some go on, it is
    still going on, and the text says which. Raises Rejected, NotSent or Unanswered.
    """
    what = ",".join(states)
    request = server.call("canceljob.php", altdata, {"JobID": job_id, "what": what})
    try:
        answer = server.send(link, request, altdata)
    except server.Refused as error:
        raise Rejected(error.reason) from None
    except Unanswered:
        # Whether a cancellation took effect can be read back, unlike that of a submission.
        after = _after(job_id, states, altdata, link)
        if after is None or not all(state.finished for state in after.values()):
            raise
        return _settled(after, {})
    codes, texts = _by_product(answer.get("statusCodes")), _by_product(answer.get("status"))
    if not codes:
        raise Unanswered("the answer to the cancellation cannot be read")
    cancelled = [product for product in states if server.number(codes.get(product)) == _DONE]
    rest = {product: state for product, state in states.items() if product not in cancelled}
    after = (_after(job_id, rest, altdata, link) or rest) if rest else {}
    after |= dict.fromkeys(cancelled, job.State(job.CANCELLED))
    told = {product: for_people(str(texts.get(product) or ""), 200) for product in rest}
    return _settled({product: after[product] for product in states}, told)


def _settled(states: States, told: Mapping[str, str]) -> Cancellation:
    going_on = [product for product, state in states.items() if not state.finished]
    cancelled = [product for product, state in states.items() if state.code == job.CANCELLED]
    if going_on:
        lines = [f"{product}: {told.get(product) or 'reason unknown'}" for product in going_on]
        reason = f"not cancelled: {'; '.join(lines)}"
        if not cancelled:
            raise Rejected(reason)
        return Cancellation(Status.IN_PROGRESS, f"cancelled: {', '.join(cancelled)}; {reason}", reason)
    finished = [product for product in states if product not in cancelled]
    if not cancelled:
        text = f"nothing left to cancel: {job.text(states)}"
        return Cancellation(job.status(states), text, job.failures(states))
    had = f"; had finished: {', '.join(finished)}" if finished else ""
    return Cancellation(text=f"cancelled: {', '.join(cancelled)}{had}")


def _after(job_id: str, states: States, altdata: SwiftXrtAltdata, link: Link) -> States | None:
    try:
        return look(job_id, states, altdata, link)
    except (server.Refused, NoAnswer, NotSent):
        return None


def _by_product(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}
