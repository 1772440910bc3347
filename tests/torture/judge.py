"""What must hold at the end of every case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from slew.status import AT_FACILITY, ENDED, Status
from tests.torture.bench import Bench, Case

JSON = dict[str, Any]
T = TypeVar("T")
KNOWN = {status.value for status in (*AT_FACILITY, Status.COMPLETE)}
_LEFT_TO_DO = {Status.SUBMITTING.value, Status.PENDING.value}


def each(
    cases: Iterable[T],
    act: Callable[[T], str | Mapping[str, int] | None],
    counts: Counter[str],
    name: Callable[[T], str] = str,
    kinds: tuple[str, ...] = ("cases",),
) -> None:
    """Try every case, and count it, as one of each of `kinds`, with what `act` tells of it.

    Raises AssertionError in the end, with all cases that did not hold, by their names.
    """
    failures = []
    for case in cases:
        try:
            told = act(case)
        except AssertionError as error:
            failures.append(f"{name(case)}: {error}")
            continue
        counts.update(kinds)
        counts.update({told: 1} if isinstance(told, str) else told or {})
    assert not failures, "\n".join(failures)


def recovered(bench: Bench, case: Case, record: JSON) -> None:
    """Nothing under way is left: no lease, no state in between."""
    assert record["status"] not in _LEFT_TO_DO, f"left {record['status']}: {record['reason']}"
    lease = record["lease_until"]
    assert lease is None or lease > bench.clock.time(), f"an overrun lease of {record['operation']}"


def history(case: Case, record: JSON) -> list[JSON]:
    """Every change of state has exactly one event: they are numbered without a gap, and each begins where the
    one before ended.
    """
    items = case.items()
    events = sorted(
        (each["doc"] for each in items if each["sk"].startswith("EVENT#")), key=lambda doc: int(doc["seq"])
    )
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "gaps in the history"
    assert len(events) == record["events"], "events that the record does not count"
    before = None
    for event in events:
        assert event["from"] == before, f"event {event['seq']} is from {event['from']}, not {before}"
        before = event["to"]
    assert before == record["status"], f"the last event is of {before}, the record {record['status']}"
    assert len({event["event_id"] for event in events}) == len(events)
    kept = [each for each in items if each["sk"].startswith("TRANSACTION#")]
    assert len(kept) == record["exchanges"], "exchanges that the record does not count"
    return events


def once(triggers: list[str]) -> None:
    """At most one trigger a part."""
    doubled = [f"{part} ({count} times)" for part, count in Counter(triggers).items() if count > 1]
    assert not doubled, f"triggered twice: {', '.join(doubled)}"


def known(record: JSON, triggers: list[str], *, asked: bool, undecided: str) -> str:
    """What the facility has is known here. Returns the outcome in a word for the figures.

    `asked`: the facility can be asked what became of it.
    """
    status = record["status"]
    ended = {each.value for each in ENDED} - {Status.COMPLETE.value}
    assert status not in ended, f"ended as {status}: {record['reason']}"
    if triggers and status in KNOWN:
        return "known"
    if triggers:
        assert status == Status.UNKNOWN.value
        assert not asked or undecided, "unknown, although the facility has it and can be asked"
        return "unknown, and there"
    assert status == Status.UNKNOWN.value, f"{status}, but the facility has never seen it"
    assert not asked or undecided, "unknown for good, although the facility can be asked"
    return "unknown, and not there"


def credentials(bench: Bench, case: Case) -> None:
    """The allocation and its secret belong together, or neither is there."""
    docs = [each["doc"] for each in case.items() if each["pk"] == f"ALLOCATION#{case.allocation_id}"]
    records = [doc for doc in docs if "secret_version" in doc]
    secrets = secrets_of(bench, case)
    own = f"slew/{case.facility}/{case.allocation_id}"
    if not records:
        assert not docs, "something of a removed allocation is left"
        assert not secrets, f"secrets without an allocation: {secrets}"
        return
    answer = bench.clients("secretsmanager").get_secret_value(SecretId=own)
    assert answer["VersionId"] == records[0]["secret_version"], "the secret is of another version"


def secrets_of(bench: Bench, case: Case) -> list[str]:
    """Names of the allocation's secrets."""
    pages = bench.clients("secretsmanager").get_paginator("list_secrets").paginate()
    names = [str(each["Name"]) for page in pages for each in page["SecretList"]]
    return [name for name in names if name.endswith(f"/{case.allocation_id}")]
