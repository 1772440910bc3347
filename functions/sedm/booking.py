"""The JSON object that books, edits or deletes, and the form that it travels in (card: one form)."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import Any, Literal

from sedm import brightness, settings
from sedm.models import PROGRAMMES, SedmAltdata, SedmPayload
from slew.errors import Invalid
from slew.facility import Order
from slew.wire import HttpRequest

NAME_LENGTH = 26
WINDOW = timedelta(days=7)
Action = Literal["new", "edit", "delete"]
SedmOrder = Order[SedmPayload, SedmAltdata]

_EXPOSURE_S, _AIRMASS, _FWHM_ARCSEC = -1, 2.8, 10
KEPT = ("startdate", "enddate", "exptime", "maxairmass", "max_fwhm")
"""Of what was sent: the window, and what an update takes over where it does not say."""


def request(order: SedmOrder, action: Action) -> HttpRequest:
    """The POST. Raises Invalid where no address or no range of numbers is configured."""
    endpoint = settings.booking_endpoint(order.altdata)
    text = json.dumps(content(order, action), allow_nan=False)
    boundary = f"----{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    head = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="jsonfile"; filename="jsonfile"\r\n'
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    body = f"{head}{text}\r\n--{boundary}--\r\n".encode()
    return HttpRequest("POST", endpoint.url, headers, body, endpoint.untrusted)


def content(order: SedmOrder, action: Action) -> dict[str, Any]:
    """The JSON object: all of it in each action. Raises Invalid."""
    if order.number is None:
        raise settings.no_numbers()
    payload, name = order.payload, source_name(order)
    start, end = dates(order)
    points = brightness.newest(order.target.photometry or ())
    return {
        "Filters": ",".join(payload.filters),
        "Followup": "IFU" if payload.ifu else "",
        "email": order.requester.email,
        "enddate": end,
        "startdate": start,
        "prior_photometry": brightness.prior_photometry(points),
        "priority": payload.priority,
        "programname": programme(order),
        "requestid": order.number,
        "sourceid": name,
        "sourcename": name,
        "status": action,
        "username": order.requester.username,
        "ra": order.target.ra,
        "dec": order.target.dec,
        "exptime": _setting(order, "exptime", payload.exposure_time, _EXPOSURE_S),
        "maxairmass": _setting(order, "maxairmass", payload.maximum_airmass, _AIRMASS),
        "max_fwhm": _setting(order, "max_fwhm", payload.maximum_fwhm, _FWHM_ARCSEC),
    }


def kept(sent: HttpRequest) -> dict[str, Any]:
    """What of a form that was sent is kept with the request."""
    text = sent.body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
    whole = json.loads(text)
    return {key: whole[key] for key in KEPT}


def dates(order: SedmOrder) -> tuple[str, str]:
    """First and last date, UT, defaults filled in: 7 days from today, or from a later start."""
    today = order.now.date()
    start = order.payload.start_date or today.isoformat()
    last = max(date.fromisoformat(start), today) + WINDOW
    return start, order.payload.end_date or last.isoformat()


def check_dates(order: SedmOrder) -> None:
    """Refuse what can no longer be observed. Raises Invalid."""
    today = order.now.date().isoformat()
    if dates(order)[1] < today:
        raise Invalid.field(["payload", "end_date"], f"must not be in the past (today is {today}, UT)")


def source_name(order: SedmOrder) -> str:
    """The target's name as SEDM takes it: the first 26 characters."""
    return order.target.name[:NAME_LENGTH]


def programme(order: SedmOrder) -> str:
    """The programme's name as SEDM spells it, else the given one, else the allocation's group."""
    wanted = order.altdata.programname or order.allocation.group
    return next((name for name in PROGRAMMES if name.strip() == wanted.strip()), wanted)


def notes(order: SedmOrder) -> tuple[str, ...]:
    """What the caller should know of what is sent."""
    payload, name = order.payload, programme(order)
    exposure = _setting(order, "exptime", payload.exposure_time, _EXPOSURE_S)
    cut, for_ifu = len(order.target.name) > NAME_LENGTH, payload.ifu and exposure > 0
    unused = payload.observation_choices not in (None, payload.wanted)
    told = {
        f"the target's name is cut to 26 characters: {source_name(order)}": cut,
        f"SEDM has one exposure time for all: the IFU, too, takes {exposure:g} s": for_ifu,
        "observation_choices is not used: it is for Mix 'n Match alone": unused,
        f"SEDM knows no programme {name!r}: it takes its general one": name not in PROGRAMMES,
        "the requester has no email address to send along": not order.requester.email,
        _chosen_by_sedm(order): exposure <= 0,
    }
    return tuple(note for note, applies in told.items() if applies)


def _chosen_by_sedm(order: SedmOrder) -> str:
    points = brightness.newest(order.target.photometry or ())
    letter, _, mag = points[-1] if points else ("", 0.0, brightness.ASSUMED_MAG)
    times = brightness.exposure_times(mag)
    each = ", ".join(f"{name} {times.of(name):g} s" for name in order.payload.wanted)
    by = f"by {letter} = {mag:g}" if letter else f"as for magnitude {mag:g}, no g, r or i photometry given"
    return f"SEDM chooses the exposure times {by}: presumably {each}"


def _setting(order: SedmOrder, key: str, given: float | None, default: float) -> float:
    """The payload's value, else the one of the booking that is changed, else the default."""
    earlier = order.facility_data.get(key)
    return given if given is not None else earlier if isinstance(earlier, int | float) else default
