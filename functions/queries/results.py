"""What came of a request: its products with links to them, and its measurements in several forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from queries import catalogue
from slew import http_api, light_curve, objects, retrieval, store
from slew.errors import Invalid, TooLarge
from slew.records import Request

FORMS = ("json", "csv", "ecsv", "skyportal")
LEFT_OUT = "Slew-Left-Out"
"""Header: measurements that the cuts, or the form, leave out. SkyPortal's has no room for a field of ours."""
_COMPRESSED_FROM = 100_000
_LONGEST = 5_500_000
"""Characters, escaped into JSON as Lambda hands them on: it takes 6 MB."""


def products(request: Request) -> list[dict[str, Any]]:
    """The products as the facility describes them, and how it stands with our copy of each."""
    fetches = store.fetches(request.id)
    return [{**each, **_copy(each, fetches.get(str(each["name"])))} for each in store.products(request.id)]


def photometry(request: Request, parameters: Mapping[str, str], *, gzip: bool = False) -> Response[Any]:
    """The measurements, cut and formed as the query asks. Raises Invalid, TooLarge.

    `gzip`: the caller reads it, so that years of measurements have room in one answer.
    """
    answer = _formed(request, parameters)
    size = len(json.dumps(answer.body))
    answer.compress = size > _COMPRESSED_FROM
    if size > _LONGEST and not gzip:
        raise TooLarge(
            "these measurements are more than an answer can hold: send Accept-Encoding: gzip, or format=csv, "
            "or have fewer by since, until, filters or min_snr"
        )
    return answer


def _formed(request: Request, parameters: Mapping[str, str]) -> Response[Any]:
    form = parameters.get("format", "json")
    if form not in FORMS:
        raise Invalid.field(["query", "format"], f"must be one of {', '.join(FORMS)}")
    cuts, instrument = light_curve.cuts_of(parameters), _whole(parameters, "instrument_id")
    every = retrieval.rows(request)
    rows = light_curve.select(every, cuts)
    name, unread = str(request.target["name"]), _unread(request)
    if form == "csv":
        return _text(light_curve.as_csv(rows), "text/csv; charset=utf-8", len(every) - len(rows))
    if form == "ecsv":
        about = {"target": name, "facility": request.facility, "request_id": request.id}
        about |= {"unread": "; ".join(unread)} if unread else {}
        text = light_curve.as_ecsv(rows, about, _units(request))
        return _text(text, "text/plain; charset=utf-8", len(every) - len(rows))
    if form == "skyportal":
        body = light_curve.as_skyportal(rows, name, instrument)
        return http_api.answer(body, headers={LEFT_OUT: str(len(every) - len(body["mjd"]))})
    left_out = len(every) - len(rows)
    return http_api.answer(
        {
            "request_id": request.id,
            "target": name,
            "units": light_curve.units(rows, _units(request)),
            "left_out": left_out,
            "unread": unread,
            "rows": rows,
        },
        headers={LEFT_OUT: str(left_out)},
    )


def _copy(product: Mapping[str, Any], fetch: Mapping[str, Any] | None) -> dict[str, Any]:
    if fetch is None:
        return {"state": "at_facility"}
    if not fetch["fetched_at"]:
        given_up = fetch["error"] and fetch["again_at"] is None
        return {"state": "failed" if given_up else "waiting", "error": fetch["error"] or None}
    return {
        "state": "fetched",
        "link": objects.link(fetch["object"], fetch["object"].rpartition("/")[2]),
        **{key: fetch[key] for key in ("size", "sha256", "content_type", "fetched_at", "rows")},
        "error": fetch["error"] or None,
    }


def _unread(request: Request) -> list[str]:
    """What could not be read in the products that are there, and why."""
    fetches = store.fetches(request.id).values()
    return [f"{doc['name']}: {doc['error']}" for doc in fetches if doc["fetched_at"] and doc["error"]]


def _units(request: Request) -> dict[str, str]:
    """What the facility declares of its measurements' further columns."""
    units: dict[str, str] = (catalogue.entry(request.facility) or {}).get("units", {})
    return units


def _whole(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid.field(["query", name], "must be a whole number")
    return int(text)


def _text(text: str, content_type: str, left_out: int) -> Response[Any]:
    headers = {"Cache-Control": "no-store", LEFT_OUT: str(left_out)}
    return Response(status_code=200, content_type=content_type, body=text, headers=headers)
