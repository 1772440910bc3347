"""The steps of the demonstration: each calls Slew, shows what came, and checks it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from local.console import Console
from local.demo_api import Answer, Api, Checks, await_that
from local.demo_record import Record, function_logs, headline, leaks, reading
from local.demo_script import GROUP_MAIL, JSON, SN_2023IXF, Plan, secrets
from local.examples import Example

JUMP_S = 780
"""More than ATLAS's 40 s, LCO's five minutes of planning, and the eleven minutes at most to a poll of LCO."""


@dataclass
class Run:
    """What the steps share."""

    console: Console
    checks: Checks
    api: Api
    record: Record
    plans: tuple[Plan, ...]
    token: str
    examples: dict[str, Example]
    began: datetime
    submitted: dict[str, Answer] = field(default_factory=dict)
    latest: dict[str, JSON] = field(default_factory=dict)

    def plan(self, label: str) -> Plan:
        """The plan of that label."""
        return next(plan for plan in self.plans if plan.label == label)


def create_allocations(run: Run) -> None:
    """Whose time and credentials."""
    run.console.step("Create an allocation for each facility: whose time, by which credentials, who is told")
    for plan in run.plans:
        made = run.api.shown("POST", f"{plan.path}/allocations", 201, plan.allocation).body
        run.console.item("id", f"{made['id']}, for the group {made['group']}")
        run.console.item("altdata", made["altdata"])
        if (channel := made["notify"]["notification_type"]) != "none":
            run.console.item(
                "notify", f"by {channel}, comments included, on: {', '.join(made['notify']['on'])}"
            )


def verify(run: Run) -> None:
    """Do the credentials work?"""
    run.console.step("Verify the credentials: a harmless authenticated call, where the facility has one")
    first_of = {plan.facility: plan for plan in reversed(run.plans)}
    for plan in reversed(first_of.values()):
        path = f"{plan.path}/allocations/{plan.allocation['id']}/verify"
        found = run.api.shown("POST", path, 200 if plan.verifies else 405).body
        if plan.verifies:
            run.checks.equal(f"{path}: valid", found["valid"], True)
        run.console.item("says", found["text"] if plan.verifies else found["detail"])


def dry_run(run: Run) -> None:
    """What would be sent, and what LCO's own validation says of both targets."""
    run.console.step("Dry runs: everything is checked, the exact request is shown, nothing is sent")
    for plan in run.plans:
        _rehearse(run, plan)
    run.console.paragraph("Would LCO take SN 2023ixf tonight? Its own validation is asked:", " " * 3)
    lco = run.plan("lco")
    path = f"{lco.path}/requests?dry_run=facility"
    verdict = run.api.shown("POST", path, 200, {**lco.body, "target": SN_2023IXF}).body["facility_verdict"]
    run.checks.that(
        f"{path}: a refusal has its reason",
        verdict["accepted"] or verdict["reason"],
        "expected words, came none",
    )
    run.console.item("SN 2023ixf", _told(verdict))


def submit(run: Run) -> None:
    """The triggers."""
    run.console.step("Submit: each request triggers its facility, once per Idempotency-Key")
    for plan in run.plans:
        answer = run.api.shown("POST", f"{plan.path}/requests", 201, plan.body, plan.key)
        request = answer.body
        run.submitted[plan.label] = answer
        run.console.item("key", plan.key)
        run.console.item("target", plan.target)
        run.console.item("payload", plan.payload, 3)
        _show_exchange(
            run, run.api.quiet("GET", f"/requests/{request['id']}/transactions")["transactions"][-1]
        )
        run.console.item("request", f"{request['id']}: {request['status_text']}")
        run.checks.equal(f"status of {plan.label}", request["status"], "submitted")
        given = request["facility_request_id"]
        run.checks.equal(f"{plan.label}: the facility gave an id", bool(given), plan.gives_id)


def submit_again(run: Run) -> None:
    """A repeated call is answered, not sent; another body under the same key is refused."""
    run.console.step(
        "The same again: a client that heard no answer repeats its call, and nothing is sent twice"
    )
    plan = run.plan("lco")
    first = run.submitted["lco"].body["id"]
    second = run.api.shown("POST", f"{plan.path}/requests", 200, plan.body, plan.key).body
    run.checks.equal("id of the repeated call", second["id"], first)
    run.console.item("same key", f"and body: {second['id']}, the same request, {second['status']}")
    longer = {**plan.body, "payload": {**plan.payload, "exposure_time": 240}}
    refused = run.api.shown("POST", f"{plan.path}/requests", 409, longer, plan.key).body
    run.console.item("same key", f"other body: {refused['detail']}")


def submit_another(run: Run) -> str:
    """A second request at LCO, to be followed to its images; returns its id."""
    plan = run.plan("lco")
    made = run.api.shown("POST", f"{plan.path}/requests", 201, plan.body, f"{plan.key}-followed").body
    run.console.item("request", f"{made['id']}: another one at LCO, to be followed to its images")
    return str(made["id"])


def let_time_pass(run: Run) -> None:
    """The schedule follows what was submitted."""
    run.console.step(f"Let {JUMP_S // 60} minutes pass: the schedule asks the facilities how it goes")
    moved = run.api.shown("POST", "/_local/clock", 200, {"advance_s": JUMP_S}).body
    for fired in moved["fired"]:
        run.checks.equal(f"schedule {fired['schedule']}: error", fired["error"], None)
    run.console.item("schedules", f"{len(moved['fired'])} fired; it is {moved['now'][:19]} UTC")
    for plan in run.plans:
        request_id = run.submitted[plan.label].body["id"]
        request = run.api.shown("GET", f"{plan.path}/requests/{request_id}", 200).body
        run.latest[plan.label] = request
        run.console.item("status", request["status_text"])
        run.checks.equal(f"status of {plan.label}", request["status"], plan.then)
    products = run.api.shown(
        "GET", f"/requests/{run.latest['atlas_forced_photometry']['id']}/products", 200
    ).body["products"]
    for product in products:
        run.console.item(product["kind"], product["url"])
    run.checks.that("products of ATLAS", products, "expected some, came none")


def cancel(run: Run) -> None:
    """Withdraw the request at LCO."""
    run.console.step("Cancel the request at LCO")
    plan, request_id = run.plan("lco"), run.latest["lco"]["id"]
    request = run.api.shown("DELETE", f"{plan.path}/requests/{request_id}", 200).body
    run.latest["lco"] = request
    exchanges = run.api.quiet("GET", f"/requests/{request_id}/transactions")["transactions"]
    _show_exchange(run, next(each for each in reversed(exchanges) if each["url"].endswith("/cancel/")))
    run.console.item("request", f"{request_id}: {request['status_text']}")
    run.checks.equal("status of lco", request["status"], "cancelled")
    run.checks.equal(
        "cancellations at LCO", run.record.cancellations(plan, request["facility_request_id"]), 1
    )


def show_notices(run: Run) -> None:
    """What people read."""
    run.console.step("What people were told, through stream, topic, queue and notifier")
    _show_slack(run, run.plan("lco"), ("submitted", "in_progress", "cancelled"))
    _show_mail(run, run.plan("atlas_forced_photometry"), ("submitted", "complete"))


def count_triggers(run: Run) -> None:
    """One trigger a request, by the facilities' own books."""
    run.console.step("What the facilities have in their books: one trigger a request")
    for plan in run.plans:
        request_id = run.latest[plan.label]["id"]
        run.console.begin(plan.label)
        triggers = run.record.triggers(plan)
        run.console.end(f"{len(triggers)} trigger{'s' * (len(triggers) != 1)}")
        run.checks.equal(f"triggers at {plan.label}", len(triggers), 1)
        run.checks.equal(
            f"{plan.label}: it names our request", request_id in triggers[0], plan.trigger.holds_id
        )


def look_for_secrets(run: Run, workdir: Path, more: set[str]) -> None:
    """No credential in any answer, in this output, or in a log."""
    run.console.begin("credentials in the answers, in this output, in the functions' logs")
    known = {run.token, *more, *(secret for plan in run.plans for secret in secrets(plan.allocation))}
    places = {
        "an answer": run.api.answers,
        "the output": [run.console.printed],
        "a log": function_logs(workdir / "logs"),
    }
    found = leaks(known, places)
    run.console.end("none" if not found else "leaked", "red" if found else "green")
    run.checks.that(
        "credentials",
        not found,
        f"expected none of the {len(known)} anywhere, came one in {', '.join(found)}",
    )


def close(run: Run, others: Sequence[tuple[str, JSON, float]]) -> None:
    """The table; `others`: facility, request and milliseconds of those that are not planned."""
    run.console.step("In short")
    rows = []
    for plan in run.plans:
        request, answer = run.latest[plan.label], run.submitted[plan.label]
        rows.append(
            (
                plan.label,
                request["id"],
                request["facility_request_id"] or "-",
                request["status"],
                f"{answer.ms:.0f}",
            )
        )
    rows += [
        (name, request["id"], _cut(request["facility_request_id"] or "-"), request["status"], f"{ms:.0f}")
        for name, request, ms in others
    ]
    run.console.table(("facility", "request id", "facility's id", "status", "ms"), rows, right=(4,))


def _show_slack(run: Run, plan: Plan, statuses: Sequence[str]) -> None:
    messages = await_that(run.record.notices, lambda found: len(found) >= len(statuses))
    heads = [headline(message) for message in messages]
    for head in heads:
        run.console.item("Slack", head)
    _check_told(run, "Slack message", heads, plan, statuses)
    for message in messages:
        run.checks.equal("Slack message: mentions", message["mentions"], [])
        run.checks.that("Slack message", plan.comment in message["text"], "expected the comment, came none")
    run.console.item("", "The first of them, in full:")
    run.console.quote(reading(messages[0]))


def _show_mail(run: Run, plan: Plan, statuses: Sequence[str]) -> None:
    mails = await_that(lambda: run.record.mails(GROUP_MAIL), lambda found: len(found) >= len(statuses))
    for mail in mails:
        run.console.item("email", f"to {', '.join(mail['to'])}: {mail['subject']}")
        run.checks.that("email", plan.comment in mail["text"], "expected the comment, came none")
    heads = [f"{mail['subject']}: {mail['text'].splitlines()[0]}" for mail in mails]
    _check_told(run, "email", heads, plan, statuses)
    run.console.item("", "The last of them, in full:")
    run.console.quote(mails[-1]["text"])


def _check_told(run: Run, what: str, heads: list[str], plan: Plan, statuses: Sequence[str]) -> None:
    """One notice a status, in order, each naming the status that was reached and the request."""
    run.checks.equal(f"notices by {what}", len(heads), len(statuses))
    request_id = run.latest[plan.label]["id"]
    for head, status in zip(heads, statuses, strict=True):
        right = status in head.lower() and request_id in head
        run.checks.that(what, right, f"expected {status} of {request_id}, came {head}")


def _rehearse(run: Run, plan: Plan) -> None:
    mode = "facility" if plan.judges else "true"
    path = f"{plan.path}/requests?dry_run={mode}"
    report = run.api.shown("POST", path, 200, plan.body).body
    for exchange in report["requests"]:
        if exchange["method"] == "EMAIL":
            run.console.item("would mail", f"{', '.join(exchange['to'])}: {exchange['subject']}")
        else:
            run.console.item("would send", f"{exchange['method']} {exchange['url']}")
            run.console.item("", exchange["body"], 3)
    if plan.judges:
        verdict = report["facility_verdict"]
        run.console.item("validation", _told(verdict))
        run.checks.equal(f"{path}: {plan.target['name']} accepted", verdict["accepted"], True)


def _told(verdict: JSON) -> str:
    if not verdict["accepted"]:
        return f"refused: {verdict['reason']}"
    durations = verdict["details"].get("request_durations", {})
    needed = durations.get("duration")
    stretches = [each.get("largest_interval") for each in durations.get("requests", ())]
    if not needed or not all(stretches):
        return "accepted"
    return (
        f"accepted: takes {needed / 60:.0f} min, and it is up for {min(stretches) / 60:.0f} min at a stretch"
    )


def _show_exchange(run: Run, exchange: JSON) -> None:
    sent = f"{exchange['method']} {exchange['url']}"
    run.console.item("sent", sent)
    if authorization := exchange["request_headers"].get("Authorization"):
        run.console.item("", f"Authorization: {authorization}")
    if exchange["request_body"]:
        run.console.item("", _parsed(exchange["request_body"]), 10)
    run.console.item("answered", f"{exchange['status']} after {exchange['elapsed_ms']} ms")
    run.console.item("", _parsed(exchange["answer_body"]), 3)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _cut(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"
