"""What each function is asked: first in a new process, then again and again in a warm one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.system import BARE, LIBRARIES, Bench
from local import apigateway
from local.examples import HOOK_KEYS, Example, examples
from local.simulators.slack import SEEDED_HOOKS

GROUP = "benchmark"
MANY = 100_000
_EQUINOX = datetime(2026, 3, 20, tzinfo=UTC)
_DEGREES_A_DAY = 360 / 365.2422


@dataclass(frozen=True)
class Case:
    """`first` and `again` make events; `good` judges the answers: no failure is measured as a success."""

    function: str
    what: str
    first: Callable[[], Any]
    again: Callable[[], Any]
    good: Callable[[Any], bool]
    facility: bool = False


def cases(bench: Bench) -> list[Case]:
    """The floors, every facility, every other function of the template. Creates what they need."""
    _lift_limits(bench)
    floors = [_floor(BARE, "nothing"), _floor(LIBRARIES, "nothing")]
    given = examples(bench.simulators).values()
    facilities = [_facility(bench, example) for example in given]
    found = [*floors, *facilities, *_others(bench)]
    missing = {function.name for function in bench.system.functions} - {case.function for case in found}
    if missing:
        raise SystemExit(f"no case for {', '.join(sorted(missing))}: see benchmarks/cases.py")
    return found


def _lift_limits(bench: Bench) -> None:
    bench.configure("slack", {"rate": MANY, "burst": MANY})
    limits = {"writes_per_minute": MANY, "reads_per_minute": MANY, "task_cap": MANY}
    bench.configure("atlas_forced_photometry", limits)
    throttle = {"create": None, "validate": None, "cancel": None}
    proposals = {"LCO2026B-001": {"hours": MANY, "ipp_limit": MANY}}
    bench.configure("lco", {"throttle": throttle, "proposals": proposals})
    proposals = {"SOAR2026B-004": {"hours": MANY, "ipp_limit": MANY}}
    bench.configure("soar", {"throttle": throttle, "proposals": proposals})
    bench.configure("swift_too", {"guard_s": 0})
    bench.configure("swift_xrt", {"max_jobs": MANY})
    bench.configure("ztf_forced_photometry", {"max_open": MANY})


def _hook() -> dict[str, str]:
    return dict(zip(HOOK_KEYS, SEEDED_HOOKS[0], strict=True))


def _facility(bench: Bench, example: Example) -> Case:
    facility = example.facility
    function = _function_of(bench, f"/facilities/{facility}/requests")
    target = {"name": "benchmark", "ra": _opposite_the_sun(), "dec": -5.0}
    body = {**example.request, "allocation_id": facility}
    if "target" in body:
        body["target"] = target
    made = {**example.allocation, "id": facility, "group": GROUP}
    create = bench.http_event("POST", f"/facilities/{facility}/allocations", made)
    _expect(bench.cold(function, create).answer, 201)
    url = f"/facilities/{facility}/requests"
    return Case(
        function,
        "a dry run; then submissions",
        lambda: bench.http_event("POST", f"{url}?dry_run=true", body),
        lambda: bench.http_event("POST", url, body, key=str(uuid.uuid4())),
        lambda answer: _rehearsed(answer) or _submitted(answer),
        facility=True,
    )


def _rehearsed(answer: Mapping[str, Any]) -> bool:
    return bool(answer["statusCode"] == 200 and json.loads(answer["body"]).get("dry_run"))


def _submitted(answer: Mapping[str, Any]) -> bool:
    return bool(answer["statusCode"] == 201 and json.loads(answer["body"])["status"] == "submitted")


def _others(bench: Bench) -> list[Case]:
    issue = bench.http_event("POST", "/tokens", {"name": "benchmark", "role": "admin"})
    token = _expect(bench.cold("TokensFunction", issue).answer, 201)["token"]
    request_id = _a_request(bench)
    entitled = apigateway.authorizer_event(bench.http_event("GET", f"/requests/{request_id}"))
    entitled["headers"]["authorization"] = f"Bearer {token}"
    _keep_addresses(bench)

    def asked(path: str) -> Callable[[], Any]:
        return lambda: bench.http_event("GET", path)

    def plot() -> Any:
        return bench.http_event("GET", f"/requests/{request_id}/photometry.png")

    def sender() -> Any:
        return bench.http_event("PUT", "/skyportal/senders/0123456789abcdef", {"allocations": {}})

    def same(function: str, what: str, event: Callable[[], Any], good: Callable[[Any], bool]) -> Case:
        return Case(function, what, event, event, good)

    return [
        same("AuthorizerFunction", "a token", lambda: entitled, _known),
        same("QueriesFunction", "`GET /requests/{id}`", asked(f"/requests/{request_id}"), _ok),
        same("TokensFunction", "`GET /tokens`", asked("/tokens"), _ok),
        same("PlotsFunction", "`GET /requests/{id}/photometry.png`", plot, _ok),
        same("SkyportalFunction", "a sender's settings", sender, _ok),
        same("WebhookHandoverFunction", "one change", lambda: {"Records": [_letter("webhook")]}, _all_done),
        same("SkyportalHandoverFunction", "one change", lambda: {"Records": [_letter("x")]}, _all_done),
        same("PublisherFunction", "one change", lambda: {"Records": [_change()]}, _all_done),
        same("SlackNotifierFunction", "one notice", lambda: {"Records": [_letter("slack")]}, _all_done),
        same("EmailNotifierFunction", "one notice", lambda: {"Records": [_letter("email")]}, _all_done),
    ]


def _floor(function: str, what: str) -> Case:
    return Case(function, what, dict, dict, lambda answer: answer == {})


def _ok(answer: Mapping[str, Any]) -> bool:
    return bool(answer["statusCode"] == 200)


def _known(answer: Mapping[str, Any]) -> bool:
    return bool(answer["context"]["principal_id"])


def _all_done(answer: Mapping[str, Any]) -> bool:
    return answer == {"batchItemFailures": []}


def _expect(answer: Mapping[str, Any], status: int) -> dict[str, Any]:
    if answer["statusCode"] != status:
        raise SystemExit(f"HTTP {answer['statusCode']} instead of {status}: {answer.get('body')}")
    content: dict[str, Any] = json.loads(answer["body"])
    return content


def _function_of(bench: Bench, path: str) -> str:
    found = apigateway.match(bench.system.routes, "POST", path)
    assert found
    return found.route.function


def _a_request(bench: Bench) -> str:
    """The id of a request with a history, to read again and again."""
    target = {"name": "benchmark", "ra": 10.0, "dec": -5.0}
    request = examples(bench.simulators)["slack"].request
    body = {**request, "allocation_id": "slack", "target": target}
    function = _function_of(bench, "/facilities/slack/requests")
    event = bench.http_event("POST", "/facilities/slack/requests", body)
    return str(_expect(bench.cold(function, event).answer, 201)["id"])


def _keep_addresses(bench: Bench) -> None:
    value = {**_hook(), "email": "observer@example.org"}
    bench.client("secretsmanager").create_secret(Name=f"slew/notify/{GROUP}", SecretString=json.dumps(value))


def _notice() -> dict[str, Any]:
    request_id = uuid.uuid4().hex[:24]
    return {
        "event_id": f"{request_id}-000002",
        "at": "2026-11-22T17:00:01.250Z",
        "action": "submit",
        "status": "submitted",
        "request_id": request_id,
        "facility": "slack",
        "facility_title": "Slack",
        "target_name": "SN 2023ixf",
        "ra_deg": 210.910674637,
        "dec_deg": 54.311651,
        "previous": "submitting",
        "payload": {"observation_choices": "sdssg, sdssr", "exposure_time": "300"},
        "requester_name": "First Observer",
        "allocation_id": GROUP,
        "group": GROUP,
    }


def _letter(channel: str) -> dict[str, Any]:
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": json.dumps(_notice()),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {"channel": {"stringValue": channel, "dataType": "String"}},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{channel}",
    }


def _change() -> dict[str, Any]:
    notice = _notice()
    doc = {
        "event_id": notice["event_id"],
        "to": notice["status"],
        "notify": {"channel": "slack", "on": [notice["status"]]},
        "notice": notice,
    }
    image = {
        "pk": {"S": f"REQUEST#{notice['request_id']}"},
        "sk": {"S": "EVENT#000002"},
        "doc": {"S": json.dumps(doc)},
    }
    changed = {"SequenceNumber": "1", "NewImage": image}
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": changed}


def _opposite_the_sun() -> float:
    """A right ascension, degrees, that is up at midnight: a target that LCO accepts on every date."""
    days = (datetime.now(UTC) - _EQUINOX).total_seconds() / 86400
    return (180 + days * _DEGREES_A_DAY) % 360
