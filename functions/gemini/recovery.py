"""Finding an observation whose trigger had no answer (card: Submit, "never retry automatically").

A clone's title is the target's name, which says nothing of who made it. So it must also be new: its number
was not in the programme when the trigger left. It must be of the template's instrument, nobody else's by what
this allocation knows, and the only such one. Absent is it only if the programme has nothing new at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from gemini import browser
from gemini.browser import Observation, Programme
from gemini.ledger import Asking, Ledger
from gemini.trigger import GeminiOrder
from slew.facility import Link

SETTLED = timedelta(minutes=10)
"""Before, a trigger may still be at work on the server."""
TOO_LATE = timedelta(hours=6)
"""After, people may have removed what it made."""
MOST = 20


def mine(observation_id: str, order: GeminiOrder, link: Link) -> None:
    """Note for the allocation's other requests whose observation that is."""
    for what in ("made", "found"):  # "found" as well: whoever looks just now may have asked after "made"
        link.learn(f"{what} {observation_id}", order.request_id)


def find(order: GeminiOrder, ledger: Ledger, asking: Asking, link: Link) -> str | bool | None:
    """The id of the observation; False where there certainly is none; None where nobody can tell.

    Raises NoAnswer.
    """
    programid = str(order.facility_data.get("programid") or order.altdata.programid)
    listed = browser.read(programid, link)
    if asking.before is None or not listed.found:
        return None
    new = [
        each
        for each in listed.observations.values()
        if each.number not in asking.before and each.id not in ledger.observations.values()
    ]
    if len(new) > MOST:
        return None
    rest = [each for each in new if not _is_anothers(each, order, link)]
    alike = [each for each in rest if _may_be(each, order, asking.template, listed)]
    if len(alike) == 1:
        return alike[0].id if _claimed(alike[0], order, link) else None
    if not rest and _is_complete(listed, asking) and SETTLED <= order.now - asking.at <= TOO_LATE:
        return False
    return None


def _may_be(observation: Observation, order: GeminiOrder, template: str, listed: Programme) -> bool:
    if observation.title != " ".join(order.target.name.split()):
        return False
    source = _template(order, template, listed.observations.values())
    known = source is not None and source.instrument and observation.instrument
    return not known or (source is not None and source.instrument == observation.instrument)


def _template(order: GeminiOrder, template: str, there: Iterable[Observation]) -> Observation | None:
    if order.payload.template_ids:
        return next((each for each in there if str(each.number) == template), None)
    named = [each for each in there if each.title.lower() == template.lower()]
    return named[0] if len(named) == 1 else None


def _is_anothers(observation: Observation, order: GeminiOrder, link: Link) -> bool:
    """Whether another request of this allocation was told this id by Gemini."""
    owner = link.learn(f"made {observation.id}", "")
    return owner not in ("", order.request_id)


def _claimed(observation: Observation, order: GeminiOrder, link: Link) -> bool:
    """Take it for this request's, unless another one of unknown outcome has done so."""
    return link.learn(f"found {observation.id}", order.request_id) == order.request_id


def _is_complete(listed: Programme, asking: Asking) -> bool:
    """Whether the list has all that it had before, so that what it lacks is not there."""
    return asking.before is not None and bool(asking.before) and asking.before <= listed.numbers
