"""The public queries of the Swift simulator: what they show, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from local.simulators.swift_too import sky
from local.simulators.swift_too.book import TIMELINE_LAG, Book, Snapshot, Too

JSON = dict[str, Any]
Query = Mapping[str, Any]
OWNERS_ONLY = ("science_just", "immediate_objective", "exp_time_just", "uvot_just", "other_brightness")
ARCHIVED_AFTER, QUICKLOOK_AFTER = timedelta(days=7), timedelta(hours=3)
MET_ZERO = datetime(2001, 1, 1, tzinfo=UTC)
UTCF = -36.9

FILES = {
    "auxil": (("auxil", "sw{id}sat.fits.gz", "Attitude file"),),
    "xrt": (
        ("xrt/event", "sw{id}xpcw3po_cl.evt.gz", "XRT pointed cleaned PC event file"),
        ("xrt/products", "sw{id}xpc_sk.img.gz", "XRT sky image"),
        ("xrt/hk", "sw{id}xhd.hk.gz", "XRT housekeeping"),
    ),
    "uvot": (
        ("uvot/image", "sw{id}uuu_sk.img.gz", "UVOT u sky image"),
        ("uvot/hk", "sw{id}uct.hk.gz", "UVOT housekeeping"),
    ),
    "bat": (("bat/survey", "sw{id}bsvpb.pha.gz", "BAT survey spectrum"),),
    "log": (("log", "sw{id}pat.log.gz", "Processing log"),),
}


class BadQuery(Exception):
    """422: the parameter, and what is wrong with it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, text)
        self.name, self.text = name, text


def toos(book: Book, query: Query, now: datetime, names: Mapping[str, str], asker: str | None) -> list[JSON]:
    """`GET /swift/too`: approved ones, the newest first."""
    if not any(
        query.get(name) for name in ("username", "begin", "end", "ra", "dec", "limit", "year", "too_id")
    ):
        raise BadQuery("query", "Value error, At least one parameter must be set")
    for name in ("too_id", "year"):
        whole(query, name)
    for name in ("ra", "dec", "radius", "length"):
        number(query, name)
    for name in ("begin", "end"):
        moment(query, name)
    wanted = [too for too in reversed(book.toos) if too.listed(now) and _asked_for(too, query)]
    detail = query.get("detail") in (True, "true")
    limit, offset = whole(query, "limit"), whole(query, "offset") or 0
    wanted = wanted[offset : offset + limit] if limit is not None else wanted[offset:]
    return [_too(too, names[too.username], now, detail=detail and too.username == asker) for too in wanted]


def calendar(book: Book, query: Query, now: datetime) -> list[JSON]:
    """`GET /swift/calendar`: the windows of approved requests, with the seconds flown in each."""
    too_id, target_id = whole(query, "too_id"), whole(query, "target_id")
    entries = []
    for too in book.toos:
        if not too.listed(now) or too_id not in (None, too.too_id) or target_id not in (None, too.target_id):
            continue
        flown = too.flown(now - TIMELINE_LAG)
        for begin, end in too.windows():
            inside = [each for each in flown if begin <= each.begin <= end]
            entries.append(
                {
                    "begin": stamp(begin),
                    "end": stamp(end),
                    "duration": int(float(too.fields["exp_time_per_visit"])),
                    "asflown": int(sum((each.end - each.settle).total_seconds() for each in inside)),
                    "xrt_mode": int(too.fields["xrt_mode"]),
                    "uvot_mode": int(too.fields["uvot_mode"], 16),
                    "bat_mode": 0,
                    "target_id": too.target_id,
                    "target_name": too.fields["target_name"],
                    "ra": too.place[0],
                    "dec": too.place[1],
                    "merit": 90.0,
                    "type": "TOO",
                }
            )
    return entries


def observations(book: Book, query: Query, now: datetime, *, planned: bool = False) -> list[JSON]:
    """`GET /swift/obsquery` (as flown), `GET /swift/planquery` (the coming three days, without settling)."""
    by = [name for name in ("target_id", "obs_id", "ra", "begin", "gw_event") if query.get(name)]
    if not by:
        raise BadQuery("query", "Value error, At least one parameter must be set")
    if planned:
        coming = [
            each
            for too in book.toos
            if too.listed(now)
            for each in too.flown(now + timedelta(days=3))
            if each.begin > now
        ]
        return [_snapshot(each, settled=False) for each in coming if _matches(each, query)]
    return [_snapshot(each) for each in book.snapshots(now) if _matches(each, query)]


def files(book: Book, query: Query, now: datetime, base: str) -> list[JSON]:
    """`GET /swift/data`: hours after the end quick-look files, after a week those of the archive."""
    obs_id = str(query.get("obs_id") or "")
    if len(obs_id) != 11 or not obs_id.isdigit():
        raise BadQuery("obs_id", "Value error, ERROR: Obsnum string format incorrect")
    if query.get("uksdc") in (True, "true") and query.get("itsdc") in (True, "true"):
        raise BadQuery("uksdc", "Value error, choose one mirror")
    flown = [each for each in book.snapshots(now) if each.obs_id == obs_id]
    if not flown or now < flown[-1].end + QUICKLOOK_AFTER:
        return []
    archived = now >= flown[-1].end + ARCHIVED_AFTER
    if query.get("quicklook") in (True, "true") and archived:
        return []
    root = f"swift/data/obs/{flown[0].begin:%Y_%m}" if archived else "sdcql/data"
    wanted = [kind for kind in FILES if query.get(kind) in (True, "true")]
    return [
        {
            "filename": name.format(id=obs_id),
            "path": f"{obs_id}/{folder}",
            "url": f"{base}/FTP/{root}/{obs_id}/{folder}/{name.format(id=obs_id)}",
            "quicklook": not archived,
            "type": text,
        }
        for kind in wanted
        for folder, name, text in FILES[kind]
    ]


def visibility(query: Query, constrained_until: datetime) -> list[JSON]:
    """`GET /swift/visquery`."""
    place = number(query, "ra", needed=True), number(query, "dec", needed=True)
    begin = moment(query, "begin") or constrained_until
    end = moment(query, "end") or begin + timedelta(days=7)
    if sky.near((place[0] or 0.0, place[1] or 0.0), sky.CONSTRAINED):
        begin = max(begin, constrained_until)
    return [{"begin": stamp(begin), "end": stamp(end)}] if begin < end else []


def clock(query: Query) -> list[JSON]:
    """`GET /swift/clock`."""
    utc = moment(query, "utctime")
    met = number(query, "met") if utc is None else (utc - MET_ZERO).total_seconds() - UTCF
    if met is None:
        raise BadQuery("query", "Value error, At least one parameter must be set")
    return [{"met": met, "utcf": UTCF, "isutc": True}]


def whole(query: Query, name: str) -> int | None:
    """A parameter that is a whole number. Raises BadQuery."""
    value = query.get(name)
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise BadQuery(
            name, "Input should be a valid integer, unable to parse string as an integer"
        ) from None


def number(query: Query, name: str, *, needed: bool = False) -> float | None:
    """A parameter that is a number. Raises BadQuery."""
    value = query.get(name)
    if value is None:
        if needed:
            raise BadQuery(name, "Field required")
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadQuery(name, "Input should be a valid number, unable to parse string as a number") from None


def moment(query: Query, name: str) -> datetime | None:
    """A parameter that is a time, UTC. Raises BadQuery."""
    value = query.get(name)
    if value is None:
        return None
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    except ValueError:
        raise BadQuery(name, "Input should be a valid datetime") from None


def stamp(value: datetime) -> str:
    """A time as the service writes it."""
    return value.replace(tzinfo=None, microsecond=0).isoformat()


def _asked_for(too: Too, query: Query) -> bool:
    too_id, year = whole(query, "too_id"), whole(query, "year")
    username = query.get("username")
    begin, end = moment(query, "begin"), moment(query, "end")
    if (length := number(query, "length")) is not None and begin is not None:
        end = begin + timedelta(days=length)
    return (
        too_id in (None, too.too_id)
        and year in (None, too.at.year)
        and username in (None, too.username)
        and (begin is None or too.at >= begin)
        and (end is None or too.at <= end)
        and _in_cone(too.place, query)
    )


def _in_cone(place: tuple[float, float], query: Query) -> bool:
    ra, dec = number(query, "ra"), number(query, "dec")
    if ra is None or dec is None:
        return True
    return sky.apart((ra, dec), place) <= (number(query, "radius") or 0.2)


def _matches(each: Snapshot, query: Query) -> bool:
    target_id, obs_id = whole(query, "target_id"), query.get("obs_id")
    begin, end = moment(query, "begin"), moment(query, "end")
    return (
        target_id in (None, each.target_id)
        and obs_id in (None, each.obs_id)
        and (begin is None or each.end >= begin)
        and (end is None or each.begin <= end)
        and _in_cone(each.place, query)
    )


def _snapshot(each: Snapshot, *, settled: bool = True) -> JSON:
    return {
        "begin": stamp(each.begin),
        **({"settle": stamp(each.settle)} if settled else {}),
        "end": stamp(each.end),
        "ra": each.place[0] + 0.006,
        "dec": each.place[1] - 0.015,
        "ra_object": each.place[0],
        "dec_object": each.place[1],
        "roll": 281.3,
        "target_name": each.name,
        "target_id": each.target_id,
        "segment": each.segment,
        "obs_id": each.obs_id,
        "xrt_mode": each.xrt_mode,
        "uvot_mode": each.uvot_mode,
        "bat_mode": 0,
        "obstype": "TOO",
        "fom": 75,
    }


def _too(too: Too, l_name: str, now: datetime, *, detail: bool) -> JSON:
    windows = too.windows()
    time = int(float(too.fields["exp_time_per_visit"]))
    owners = {name: too.fields[name] for name in OWNERS_ONLY if too.fields.get(name)} if detail else {}
    return {
        "too_id": too.too_id,
        "timestamp": stamp(too.at),
        "l_name": l_name,
        "target_name": too.fields["target_name"],
        "target_type": too.fields["target_type"],
        "ra": too.place[0],
        "dec": too.place[1],
        "poserr": float(too.fields.get("poserr", 0.0)),
        "instrument": too.fields.get("instrument", "XRT"),
        "urgency": int(too.fields["urgency"]),
        "decision": "Approved",
        "done": int(too.done(now - TIMELINE_LAG)),
        "target_id": too.target_id,
        "date_begin": f"{windows[0][0]:%Y-%m-%d}",
        "date_end": f"{windows[-1][1]:%Y-%m-%d}",
        "xrt_mode_approved": int(too.fields["xrt_mode"]),
        "uvot_mode_approved": int(too.fields["uvot_mode"], 16),
        "exp_time_per_visit_approved": time,
        "num_of_visits_approved": too.visits,
        "total_exp_time_approved": time * too.visits,
        **owners,
    }
