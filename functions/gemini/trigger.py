"""From an order to the URLs of its triggers, one a template (card: Submit)."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import floor
from urllib.parse import urlencode

from gemini import sites
from gemini.models import GeminiAltdata, GeminiPayload
from slew import astro
from slew.errors import Invalid
from slew.facility import Order
from slew.models import Target
from slew.wire import HttpRequest

URL_LIMIT = 4000
"""Characters; the server's own limit is not known (card: Sources)."""
_HOUR = timedelta(hours=1)
_CUT = "… (cut)"

GeminiOrder = Order[GeminiPayload, GeminiAltdata]


def templates(payload: GeminiPayload) -> tuple[str, ...]:
    """What the triggers are called: the templates' numbers, or the one title."""
    return tuple(map(str, payload.template_ids)) if payload.template_ids else (str(payload.obs),)


def check(order: GeminiOrder) -> None:
    """Raise Invalid for the other telescope, a template that is not allowed, or a window that is over."""
    altdata, payload = order.altdata, order.payload
    sites.check(altdata.programid, order.instrument)
    allowed = altdata.template_ids
    shown = ", ".join(map(str, allowed))
    if allowed and payload.obs is not None:
        text = f"cannot be given: this allocation may only trigger templates {shown}, by number"
        raise Invalid.field(["payload", "obs"], text)
    foreign = [number for number in payload.template_ids or () if allowed and number not in allowed]
    if foreign:
        text = f"{', '.join(map(str, foreign))} not allowed: this allocation may trigger {shown}"
        raise Invalid.field(["payload", "template_ids"], text)
    if payload.end_date <= order.now:
        raise Invalid.field(["payload", "end_date"], "is past: nothing could be observed any more")


def window(payload: GeminiPayload) -> tuple[datetime, datetime]:
    """The timing window as sent: from the full minute, whole hours that cover the one asked for."""
    start = payload.start_date.replace(second=0, microsecond=0)
    hours = max(1, -((start - payload.end_date) // _HOUR))
    return start, start + hours * _HOUR


def requests(order: GeminiOrder, wanted: tuple[str, ...]) -> tuple[tuple[HttpRequest, ...], tuple[str, ...]]:
    """The triggers of these templates, and what the caller should know of them. Raises Invalid."""
    made, notes = [], dict.fromkeys(_notes(order))
    for template in wanted:
        url, cut = _url(order, template)
        made.append(HttpRequest("POST", url))
        if cut:
            notes[f"the note is shortened: a URL may have {URL_LIMIT} characters"] = None
    return tuple(made), tuple(notes)


def parameters(order: GeminiOrder, template: str, note: str) -> dict[str, str]:
    """The query of one trigger, the note apart from the payload's (it may be shortened)."""
    altdata, payload = order.altdata, order.payload
    start, end = window(payload)
    wanted = {
        "prog": altdata.programid,
        "email": altdata.user_email,
        "password": altdata.user_key.get_secret_value(),
        "obsnum" if payload.template_ids else "obs": template,
        "target": order.target.name,
        "ra": astro.format_ra(order.target.ra),
        "dec": astro.format_dec(order.target.dec),
        "mags": payload.mags or "",
        "posangle": str(float(payload.posangle)),
        "noteTitle": payload.note_title,
        "note": note,
        "group": payload.group_name or order.target.name,
        "ready": "true" if payload.ready else "false",
        "exptime": str(floor(payload.l_exptime + 0.5)) if payload.l_exptime else "",
        "windowDate": start.strftime("%Y-%m-%d"),
        "windowTime": start.strftime("%H:%M"),
        "windowDuration": str((end - start) // _HOUR),
        **_elevation(payload),
        **_guide_star(payload),
    }
    return {name: value for name, value in wanted.items() if value}


def _elevation(payload: GeminiPayload) -> dict[str, str]:
    limits = (
        {}
        if payload.elevationType == "none"
        else {
            "elevationMin": str(float(payload.l_elmin)),
            "elevationMax": str(float(payload.l_elmax)),
        }
    )
    return {"elevationType": payload.elevationType, **limits}


def _guide_star(payload: GeminiPayload) -> dict[str, str]:
    if payload.gsra is None or payload.gsdec is None or payload.gsprobe is None:
        return {}
    return {
        "gstarget": payload.gstarget or "",
        "gsra": astro.format_ra(float(payload.gsra)),
        "gsdec": astro.format_dec(float(payload.gsdec)),
        "gsmags": payload.gsmags or "",
        "gsprobe": payload.gsprobe,
    }


def _url(order: GeminiOrder, template: str) -> tuple[str, bool]:
    """A trigger's URL within the limit, and whether its note had to be cut for that. Raises Invalid."""
    base = f"{sites.base_url(order.altdata.programid)}/too"

    def url(note: str) -> str:
        return f"{base}?{urlencode(parameters(order, template, note))}"

    note = order.payload.note
    if len(url(note)) <= URL_LIMIT:
        return url(note), False
    fitting, too_long = -1, len(note)
    while too_long - fitting > 1:
        middle = (fitting + too_long) // 2
        fits = len(url(note[:middle].rstrip() + _CUT)) <= URL_LIMIT
        fitting, too_long = (middle, too_long) if fits else (fitting, middle)
    if fitting < 0:
        text = f"make a URL of over {URL_LIMIT} characters even with a short note: shorten names and titles"
        raise Invalid.field(["payload"], text)
    return url(note[:fitting].rstrip() + _CUT), True


def _notes(order: GeminiOrder) -> tuple[str, ...]:
    payload = order.payload
    start, end = window(payload)
    given = payload.model_fields_set
    notes = {
        "once sent, it can be neither changed nor withdrawn by program: set the observation On Hold or "
        "Inactive in the Observing Tool": True,
        "ready is false: the new observation stays On Hold, and nobody is alarmed": not payload.ready,
        "no guide star is sent, and the template's is dropped: Gemini looks for one": payload.gsra is None,
        "a position angle of 0 deg is sent, in place of the template's": "posangle" not in given,
        "no elevation limits: the template's are cleared": payload.elevationType == "none",
        f"the timing window is sent in whole hours: {_shown(start)} to {_shown(end)} UTC": (start, end)
        != (payload.start_date, payload.end_date),
        "the target's proper motion is not sent: Gemini takes a position only": _moves(order.target),
    }
    return tuple(note for note, holds in notes.items() if holds)


def _moves(target: Target) -> bool:
    return bool(target.proper_motion_ra or target.proper_motion_dec)


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
