"""The images that came of a request, and how to fetch them (card: Data products)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import isfinite
from pathlib import PurePosixPath
from typing import Any

from slew import clock
from slew.errors import NoAnswer, Rejected
from slew.facility import Link
from slew.pages import file_name, masked
from slew.wire import HttpRequest
from winter import schedules, server, targets
from winter.targets import WinterOrder

KINDS = {"stack": "image", "avro": "photometry"}
"""Image types that are listed, and what each is to us."""
FILTER_IDS = {"Y": 1, "J": 2, "Hs": 3, "dark": 4}
CONTENT_TYPE = "application/x-zip-compressed"
_DAY = timedelta(days=1)
_COLUMNS = ("targname", "ra", "dec", "utctime", "nightdate", "fid", "fieldid", "lastmodified", "pipeversion")


def products(order: WinterOrder, link: Link) -> tuple[Mapping[str, Any], ...]:
    """What there is to fetch, stacked images first. Raises NoAnswer."""
    return tuple(_named(product for kind in KINDS for product in _of_type(order, kind, link)))


def download(order: WinterOrder, product: Mapping[str, Any]) -> HttpRequest:
    """The request for one image: a zip that holds it."""
    return server.request(
        "GET",
        "/images/download_list",
        order.altdata,
        [{"path": product["path"]}],
        image_type=str(product["image_type"]),
        instrument=order.payload.camera,
    )


def _of_type(order: WinterOrder, image_type: str, link: Link) -> Iterator[dict[str, Any]]:
    nights = _nights(order)
    if nights is None:
        return
    query = {
        "program_name": order.altdata.program_name,
        "start_date": nights[0],
        "end_date": nights[1],
        "image_type": image_type,
        "target_name": targets.target_name(order),
    }
    wanted = server.request("GET", "/images/query", order.altdata, [query], instrument=order.payload.camera)
    try:
        body = server.read(link, wanted).get("body")
    except Rejected as error:
        raise NoAnswer(error.reason) from None
    for row in schedules.table(body):
        if _is_ours(order, row):
            yield _product(row, image_type)


def _nights(order: WinterOrder) -> tuple[int, int] | None:
    """First and last night as YYYYMMDD; None before the window opens.

    A day is added at both ends, for it is not known whether nights are counted by UTC or local dates; the
    service refuses a date in the future.
    """
    end = min(_kept(order, "window_end", order.payload.end_date) + _DAY, order.now)
    start = _kept(order, "window_start", order.payload.start_date) - _DAY
    return (int(f"{start:%Y%m%d}"), int(f"{end:%Y%m%d}")) if start <= end else None


def _kept(order: WinterOrder, name: str, given: datetime | None) -> datetime:
    text = order.facility_data.get(name)
    return clock.parse(text) if isinstance(text, str) else (given or order.now)


def _is_ours(order: WinterOrder, row: Mapping[str, Any]) -> bool:
    """By name and filter: the positions in the table are the images', not the targets'."""
    wanted = {FILTER_IDS[name] for name in order.payload.wanted}
    return (
        isinstance(row.get("savepath"), str)
        and row.get("fid") in (None, *wanted)
        and row.get("targname") in (None, targets.target_name(order))
    )


def _product(row: Mapping[str, Any], image_type: str) -> dict[str, Any]:
    names = {number: name for name, number in FILTER_IDS.items()}
    name = file_name(PurePosixPath(masked(row["savepath"])).name)[:150]
    return {
        "name": f"{name}.zip",
        "kind": KINDS[image_type],
        "content_type": CONTENT_TYPE,
        "expected_headers": {"missing-images": "0"},
        "image_type": image_type,
        "path": row["savepath"],
        "filter": names.get(row.get("fid") or 0),
        **{name: row[name] for name in _COLUMNS if _is_plain(row.get(name))},
    }


def _named(found: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each path once, and no name twice."""
    paths: set[str] = set()
    names: dict[str, int] = {}
    for product in found:
        if product["path"] in paths:
            continue
        paths.add(product["path"])
        count = names[product["name"]] = names.get(product["name"], 0) + 1
        yield product if count == 1 else {**product, "name": f"{count}-{product['name']}"}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
