"""KAIT: one POST to a CGI script, and nothing after it (card kait.md)."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, ClassVar

from kait import answers
from kait.models import KaitAltdata, KaitPayload
from slew import clock, config
from slew.errors import Invalid, NotSent, Unanswered
from slew.facility import Facility, Link, Order, Prepared, Submission
from slew.models import Target
from slew.pages import masked, words
from slew.wire import HttpRequest

PATH = "/cgi-bin/internal/process_kait_ztf_request.py"
READ_TIMEOUT_S = 30.0
SOUTHERNMOST, NORTHERNMOST = -34.0, 70.0  # deg; of an old technical page, so a warning by default
KEPT = 2000  # characters of the raw answer

KaitOrder = Order[KaitPayload, KaitAltdata]


class Kait(Facility):
    """The Katzman Automatic Imaging Telescope. It gives no id; nothing can be asked, changed or cancelled."""

    id = "kait"
    title = "KAIT"
    lanes = 1  # card: send one at a time
    longest_send_s = 10.0 + READ_TIMEOUT_S
    Altdata = KaitAltdata
    payloads: ClassVar = {None: KaitPayload}
    advice: ClassVar = {"cancel": "ask the KAIT team by mail", "update": "ask the KAIT team by mail"}
    send_attempts = 8  # about an hour: a request has no dates, so it must not come days late
    no_verify = "KAIT has no harmless call that would check credentials: only a request for an observation"

    def prepare(self, order: KaitOrder, link: Link) -> Prepared:
        """One POST. Raises Invalid for a name that is not ASCII, and outside the limits if so wished."""
        name = order.target.name
        if not all(" " <= character <= "~" for character in name):
            raise Invalid.field(["target", "name"], "must be printable ASCII characters for KAIT")
        content = {
            "name": name,
            "ra": degrees(order.target.ra, full_circle=True),
            "dec": degrees(order.target.dec),
            "filters": "".join(order.payload.observation_choices),
            "exposure": order.payload.observation_type,
        }
        request = HttpRequest.of_json("POST", f"{_base_url()}{PATH}", content, _headers(order.altdata))
        return Prepared((request,), _notes(order))

    def submit(self, order: KaitOrder, prepared: Prepared, link: Link) -> Submission:
        """Put it on the queue. Raises Rejected, Failed, NotSent or Unanswered."""
        request = prepared.http()
        try:
            answer = link.http.send(request, read_timeout=READ_TIMEOUT_S)
        except NotSent as error:
            raise NotSent(f"KAIT unreachable: {error.reason}", error.retry_after) from None
        except Unanswered as error:
            text = f"outcome unknown, the request may have been queued: {error.reason}"
            raise Unanswered(text) from None
        told = answers.message(answer)
        said = words(answer.text) or "nothing"
        return Submission(
            data=_kept(request, order, answer.text),
            text=told or "",
            notes=() if told is not None else (f"KAIT's answer was not understood: it said {said}",),
        )


def degrees(angle: float, *, full_circle: bool = False) -> str:
    """Degrees with five decimals, as KAIT takes them: never `-0.00000`, and never a full circle."""
    text = f"{angle:.5f}"
    return "0.00000" if text == "-0.00000" or (full_circle and text == "360.00000") else text


def _base_url() -> str:
    return config.facility_url("kait", "http://herculesii.astro.berkeley.edu")


def _headers(altdata: KaitAltdata) -> dict[str, str]:
    pair = f"{altdata.username}:{altdata.password.get_secret_value()}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _notes(order: KaitOrder) -> tuple[str, ...]:
    always = (
        "KAIT takes no dates, shows no status and cancels nothing by program: to limit or withdraw this, "
        "ask the KAIT team by mail"
    )
    limits = f"declination {SOUTHERNMOST:+.0f} to {NORTHERNMOST:+.0f} deg"
    outside = not SOUTHERNMOST <= order.target.dec <= NORTHERNMOST
    if outside and order.altdata.refuse_outside_limits:
        raise Invalid.field(["target", "dec"], f"is outside the telescope's limits, {limits}")
    notes = {
        f"the target is outside the telescope's limits as once published ({limits})": outside,
        "the target's proper motion is not sent: KAIT takes a position only": _moves(order.target),
    }
    return (always, *(note for note, holds in notes.items() if holds))


def _moves(target: Target) -> bool:
    return bool(target.proper_motion_ra or target.proper_motion_dec)


def _kept(request: HttpRequest, order: KaitOrder, answer: str) -> dict[str, Any]:
    # All there will ever be to recognise the request by: KAIT gives it no id.
    return {
        "sent": json.loads(request.body),
        "sent_at": clock.isoformat(order.now),
        "answer": masked(answer)[:KEPT],
    }
