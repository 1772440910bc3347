"""What the gateway lists: queues and sky map triggers (card ztf.md: List queues)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from slew.errors import NoAnswer, Rejected
from slew.facility import Link
from ztf import gateway
from ztf.kept import Listed
from ztf.models import ZtfAltdata

T = TypeVar("T")


@dataclass(frozen=True)
class ListedSkymap:
    """A sky map trigger as the gateway lists it; `fields` None where it does not say."""

    name: str
    trigger_time: Any
    fields: tuple[Mapping[str, Any], ...] | None


def queues(altdata: ZtfAltdata, link: Link) -> tuple[Listed, ...]:
    """Every queue at the scheduler. Raises NoAnswer, and Rejected for bad credentials."""
    return tuple(map(_queue, _entries(gateway.QUEUES, altdata, link)))


def skymaps(altdata: ZtfAltdata, link: Link) -> tuple[ListedSkymap, ...]:
    """Every sky map trigger. Raises as `queues`, and Rejected where the gateway has none (ztfpass)."""
    return tuple(map(_skymap, _entries(gateway.SKYMAPS, altdata, link)))


def once(link: Link, key: str, ask: Callable[[], T]) -> T:
    """What `ask` gives, asked once for all that share the link; its failure too. Raises as `ask`.

    A bad credential, too, is only a read that failed: NoAnswer.
    """
    if key not in link.shared:
        try:
            link.shared[key] = ask()
        except Rejected as error:
            link.shared[key] = NoAnswer(error.reason)
        except NoAnswer as error:
            link.shared[key] = error
    found = link.shared[key]
    if isinstance(found, NoAnswer):
        raise NoAnswer(found.reason, found.retry_after)
    return cast(T, found)


def _entries(path: str, altdata: ZtfAltdata, link: Link) -> list[Mapping[str, Any]]:
    # All of them: to ask for one unknown name is answered by an error on Kowalski, and by all on ztfpass.
    data = gateway.read(link, gateway.request("GET", path, altdata, {})).get("data")
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise NoAnswer("the gateway's list cannot be read")
    return data


def _queue(entry: Mapping[str, Any]) -> Listed:
    window = entry.get("validity_window_mjd")
    try:
        start, end = (float(moment) for moment in window or ())
        period: tuple[float, float] | None = (start, end)
    except (TypeError, ValueError):
        period = None
    return Listed(
        _name(entry, "queue_name"),
        str(entry.get("queue_type") or ""),
        entry.get("is_current") is True,
        entry.get("is_valid") is True,
        entry.get("is_TOO") is True,
        period,
        _inner(entry.get("queue")),
    )


def _skymap(entry: Mapping[str, Any]) -> ListedSkymap:
    return ListedSkymap(_name(entry, "trigger_name"), entry.get("trigger_time"), _inner(entry.get("fields")))


def _name(entry: Mapping[str, Any], key: str) -> str:
    name = entry.get(key)
    if not isinstance(name, str):
        raise NoAnswer("the gateway's list cannot be read: an entry has no name")
    return name


def _inner(value: Any) -> tuple[Mapping[str, Any], ...] | None:
    """A list that stands as JSON text inside the JSON; None where it cannot be read."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    return tuple(each for each in value if isinstance(each, dict))
