"""The filters of the lists of requestgroups and requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from werkzeug import Request

from local.simulators.observation_portal import sites, states, web
from local.simulators.observation_portal.accounts import ALLOCATED
from local.simulators.observation_portal.groups import Group
from local.simulators.observation_portal.groups import Request as Child

ORDERS: dict[str, Callable[[Group], object]] = {
    "name": lambda group: (group.name, group.id),
    "modified": lambda group: group.modified,
    "created": lambda group: group.created,
}


def groups(request: Request, rows: list[Group], proposals: set[str]) -> list[Group]:
    """The groups that the query's arguments leave, newest first unless `order` says otherwise."""
    for test in _group_tests(request, proposals):
        rows = [group for group in rows if test(group)]
    order = request.args.get("order", "")
    if not order:
        return sorted(rows, key=lambda group: group.id, reverse=True)
    if order.lstrip("-") not in ORDERS:
        raise web.stop(
            {"order": [f"Select a valid choice. {order} is not one of the available choices."]}, 400
        )
    return sorted(rows, key=ORDERS[order.lstrip("-")], reverse=order.startswith("-"))  # type: ignore[arg-type]


def requests(request: Request, rows: list[Child]) -> list[Child]:
    """The children that the query's arguments leave, newest first."""
    wanted = web.choice_argument(request, "state", states.GROUP_STATES)
    rows = [child for child in rows if not wanted or child.state in wanted]
    return sorted(rows, key=lambda child: child.id, reverse=True)


def minute(at: float) -> str:
    """A time to the minute, as the airmass plot has it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M")


def _group_tests(request: Request, proposals: set[str]) -> list[Callable[[Group], bool]]:
    tests: list[Callable[[Group], bool]] = [*_choices(request, proposals), *_times(request)]
    group_id, request_id = web.number_argument(request, "id"), web.number_argument(request, "request_id")
    if group_id is not None:
        tests.append(lambda group: group.id == group_id)
    if request_id is not None:
        tests.append(lambda group: any(child.id == request_id for child in group.requests))
    for key, texts in _TEXTS.items():
        part = request.args.get(key, "").lower()
        if part:
            tests.append(_contains(texts, part))
    return tests


_TEXTS: dict[str, Callable[[Group], list[str]]] = {
    "name": lambda group: [group.name],
    "user": lambda group: [group.submitter],
    "target": lambda group: [
        member["target"]["name"] for child in group.requests for member in child.body["configurations"]
    ],
}


def _contains(texts: Callable[[Group], list[str]], part: str) -> Callable[[Group], bool]:
    return lambda group: any(part in text.lower() for text in texts(group))


def _choices(request: Request, proposals: set[str]) -> list[Callable[[Group], bool]]:
    wanted = web.choice_argument(request, "state", states.GROUP_STATES)
    unwanted = web.choice_argument(request, "exclude_state", states.GROUP_STATES)
    kinds = web.choice_argument(request, "observation_type", (*ALLOCATED, "DIRECT", "REAL_TIME"))
    classes = web.choice_argument(request, "telescope_class", sites.CLASSES)
    chosen = request.args.getlist("proposal")
    if not set(chosen) <= proposals:
        text = "Select a valid choice. That choice is not one of the available choices."
        raise web.stop({"proposal": [text]}, 400)
    operator = request.args.get("operator")
    return [
        lambda group: not wanted or group.state in wanted,
        lambda group: group.state not in unwanted,
        lambda group: not kinds or group.observation_type in kinds,
        lambda group: (
            not classes or any(r.body["location"]["telescope_class"] in classes for r in group.requests)
        ),
        lambda group: not chosen or group.proposal in chosen,
        lambda group: not operator or group.operator == operator,
    ]


def _times(request: Request) -> list[Callable[[Group], bool]]:
    created_after, created_before = (
        web.time_argument(request, f"created_{edge}") for edge in ("after", "before")
    )
    modified_after, modified_before = (
        web.time_argument(request, f"modified_{edge}") for edge in ("after", "before")
    )
    return [
        lambda group: created_after is None or group.created >= created_after,
        lambda group: created_before is None or group.created <= created_before,
        lambda group: modified_after is None or group.modified >= modified_after,
        lambda group: modified_before is None or group.modified <= modified_before,
    ]
