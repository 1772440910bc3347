"""The facilities' books beside Slew's: nothing lost, nothing doubled.

Each request has a target of its own, by whose name it is found in the simulators' books.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from local.simulators.endpoint import DEMO_TOKEN as ENDPOINT_TOKEN
from local.simulators.observation_portal.accounts import DEMO_TOKEN as PORTAL_TOKEN
from local.stack import Stack

THERE = ("submitted", "in_progress", "complete")
EITHER_WAY = ("unknown",)
_PAGE = 200


@dataclass
class Audit:
    """What was found: how many of each status, and all that should not be."""

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unknown_there: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing lost, nothing doubled."""
        return not (self.lost or self.doubled)


def audit(
    stack: Stack, outcomes: Sequence[Mapping[str, Any]], targets: Mapping[str, str], group: str
) -> Audit:
    """Compare what clients were told, what Slew has, and what the facilities have; `targets` by key."""
    found = Audit()
    records = {each["id"]: each for each in requests_of(stack, group=group)}
    books = triggers(stack)
    by_key: dict[str, set[str | None]] = {}
    for outcome in outcomes:
        by_key.setdefault(outcome["key"], set()).add(outcome["id"])
    told = set()
    for key, target in targets.items():
        ids, count = by_key.get(key, {None}), books.pop(target, 0)
        if len(ids) > 1 or count > 1:
            found.doubled.append(f"{key}: ids {ids}, {count} triggers")
        record = records.get(next(iter(ids)) or "")
        if record is None:
            found.lost.append(f"{key}: {ids} is not known to Slew, {count} triggers")
            continue
        told.add(record["id"])
        status = record["status"]
        found.statuses[status] += 1
        if status not in THERE:
            reason = re.sub(r"[\d.]+:\d+", "<host>", record["reason"])
            found.reasons[f"{record['facility']}: {status}: {reason[:150]}"] += 1
        found.unknown_there += count if status in EITHER_WAY else 0
        if record["target"]["name"] != target or (status not in EITHER_WAY and count != (status in THERE)):
            found.lost.append(f"{key}: {status}, {count} triggers")
    found.doubled += [f"{name}: {count} triggers of nobody" for name, count in books.items()]
    found.doubled += [f"{each}: a request of no key" for each in records.keys() - told]
    return found


def requests_of(stack: Stack, **which: str) -> Iterator[dict[str, Any]]:
    """All requests that are listed by these parameters of `GET /requests`."""
    wanted, cursor = urlencode({**which, "limit": _PAGE}), ""
    while True:
        page = _get(f"{stack.url}/requests?{wanted}{cursor}", f"Bearer {stack.token}")
        yield from page["requests"]
        if not page["next_cursor"]:
            return
        cursor = f"&cursor={page['next_cursor']}"


def triggers(stack: Stack) -> Counter[str]:
    """How often each target stands in the books of the simulators."""
    return Counter([*_kait(stack), *_generic(stack), *_soar(stack)])


def _kait(stack: Stack) -> Iterator[str]:
    for each in _get(f"{stack.simulators['kait'].url}/_queue"):
        yield each["name"]


def _generic(stack: Stack) -> Iterator[str]:
    number = 0
    while True:  # it numbers what it takes
        number += 1
        try:
            found = _get(
                f"{stack.simulators['generic'].url}/api/requests/{number}", f"token {ENDPOINT_TOKEN}"
            )
        except HTTPError as error:
            if error.code == 404:
                return
            raise
        yield found["data"]["obj_id"]


def _soar(stack: Stack) -> Iterator[str]:
    url: str | None = f"{stack.simulators['soar'].base_url}/api/requestgroups/?limit={_PAGE}"
    while url:
        page = _get(url, f"Token {PORTAL_TOKEN}")
        for each in page["results"]:
            yield each["name"]
        url = page["next"]


def _get(url: str, authorization: str = "", tries: int = 5) -> Any:
    headers = {"Authorization": authorization} if authorization else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=120) as answer:
            return json.load(answer)
    except HTTPError as error:
        if error.code != 503 or tries == 1:  # API Gateway's answer when it has waited too long
            raise
    time.sleep(2)
    return _get(url, authorization, tries - 1)
