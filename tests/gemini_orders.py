"""Orders for Gemini that no server sees."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from gemini.facility import Gemini
from gemini.models import GeminiAltdata, GeminiPayload
from gemini.trigger import GeminiOrder
from local.simulators.gemini import seed
from slew.errors import Invalid
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order, Prepared
from slew.models import Requester, Target
from slew.validation import parse

JSON = dict[str, Any]
NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)
FACILITY = Gemini()
LINK = Link(cast(HttpLink, None), cast(MailLink, None))
ALTDATA: JSON = {
    "user_email": seed.EMAIL,
    "user_key": seed.NORTH_KEY,
    "programid": seed.NORTH,
    "template_ids": "",
}
PAYLOAD: JSON = {
    "template_ids": "21",
    "start_date": "2026-12-01 04:00:00",
    "end_date": "2026-12-03 04:00:00",
}
TARGET: JSON = {"name": "ZTF26aaabcde", "ra": 185.728458, "dec": 4.823397}
STAR: JSON = {
    "gstarget": "Gaia-3713",
    "gsra": "12:22:49.120",
    "gsdec": "+04:47:58.10",
    "gsmags": "13.2/UC/Vega",
    "gsprobe": "OIWFS",
}


def order_of(
    payload: Mapping[str, Any] | None = None,
    target: Mapping[str, Any] | None = None,
    altdata: Mapping[str, Any] | None = None,
    instrument: str | None = None,
    facility_data: Mapping[str, Any] | None = None,
) -> GeminiOrder:
    fields = {key: value for key, value in {**PAYLOAD, **(payload or {})}.items() if value is not ...}
    return Order(
        request_id="a1b2c3d4e5f6",
        instrument=instrument,
        target=parse(Target, {**TARGET, **(target or {})}, ["target"]),
        payload=parse(GeminiPayload, fields, ["payload"]),
        altdata=parse(GeminiAltdata, {**ALTDATA, **(altdata or {})}, ["altdata"]),
        allocation=AllocationFacts("gemini", "PI of the programme", "transients"),
        requester=Requester(),
        now=NOW,
        created_at=NOW,
        facility_data=facility_data or {},
    )


def prepared(**parts: Any) -> Prepared:
    return FACILITY.prepare(order_of(**parts), LINK)


def query(**parts: Any) -> dict[str, str]:
    request = prepared(**parts).http()
    pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def refused(**parts: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        prepared(**parts)
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}
