"""`python -m benchmarks.load`: sustained submissions to the local stack with faults on.

Fails if a request is lost or doubled, or if Slew answers an error without saying when to come back.

KAIT and the generic endpoint cannot be asked what they have, so that requests of unknown outcome stay so
there; SOAR can. From `WRITTEN_FROM` requests on, what was found goes to docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks import load_report
from benchmarks.load_books import audit, requests_of
from benchmarks.load_faults import GATEWAY_LIMIT_S, Faults
from benchmarks.load_usage import usage
from benchmarks.system import post
from local.examples import examples
from local.stack import ROOT, Stack

WRITTEN_FROM = 10_000
GROUP = "load"
FACILITIES = (*["kait", "generic"] * 4, "kait", "soar")
SHARED_KEYS = 0.02
AHEAD_S = 150.0  # longer than any lease, and than a facility's word that it has nothing is doubted
ROUNDS = 40
LEFT = ({"status": "pending"}, {"status": "submitting"}, {"status": "unknown", "facility": "soar"})
_EQUINOX = datetime(2026, 3, 20, tzinfo=UTC)
_MANY = 1_000_000

Json = dict[str, Any]


def main() -> int:
    """Submit, recover, compare, report; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--requests", type=int, default=WRITTEN_FROM)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--throttled", type=float, default=0.01, help="share of AWS's calls that is refused")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}", file=sys.stderr)
    before = os.getloadavg()[0]
    with Stack(workdir=ROOT / ".slew" / "load", integration_limit_s=GATEWAY_LIMIT_S) as stack:
        calls, targets = _prepare(stack, given.requests, given.seed)
        faults = Faults(
            stack,
            _functions(stack),
            sorted(set(FACILITIES)),
            seed=given.seed,
            throttled=given.throttled,
        )
        begun = usage(stack.aws_endpoint)
        with faults:
            outcomes = list(_submitted(stack, calls, given.clients, given.seed))
            ended = usage(stack.aws_endpoint)
        _recover(stack)
        found = audit(stack, outcomes, targets, GROUP)
    text = load_report.text(
        outcomes,
        found,
        faults.seen,
        (begun, ended),
        clients=given.clients,
        seed=given.seed,
        loads=(before, os.getloadavg()[0]),
    )
    print(text)
    if given.requests >= WRITTEN_FROM:
        load_report.write(text)
    bare = sum(
        kind.startswith("500 problem") or kind == "503 problem"
        for each in outcomes
        for kind, _ in each["seen"]
    )
    if bare:
        print(f"{bare} answers of Slew's own without a cause or a Retry-After", file=sys.stderr)
    return 0 if found.good and not bare else 1


def _functions(stack: Stack) -> list[str]:
    """Those that are killed: the facilities', the authorizer's and the publisher's."""
    paths = {f"/facilities/{facility}/{{proxy+}}" for facility in FACILITIES}
    routes = [route for route in stack.system.routes if route.path in paths]
    others = {route.authorizer for route in routes if route.authorizer}
    return sorted(
        {route.function for route in routes} | others | {each.function for each in stack.system.streams}
    )


def _prepare(stack: Stack, requests: int, seed: int) -> tuple[list[Json], dict[str, str]]:
    """Allocations; the calls to make, in their order, and the name of each key's target."""
    given = examples(stack.simulators)
    proposals = {"SOAR2026B-004": {"hours": _MANY, "ipp_limit": _MANY}}
    throttle = {"create": None, "validate": None, "cancel": None}
    post(f"{stack.simulators['soar'].url}/_config", {"throttle": throttle, "proposals": proposals})
    calls: list[Json] = []
    for facility in set(FACILITIES):
        allocation = {**given[facility].allocation, "id": f"load-{facility}", "group": GROUP}
        calls.append({"key": facility, "path": f"/facilities/{facility}/allocations", "body": allocation})
    for outcome in _run(stack, calls, 1, seed):
        kind, _ = outcome["seen"][-1]
        if outcome["id"] is None:
            raise SystemExit(f"the allocation at {outcome['key']}: {kind} {outcome.get('refusal')}")
    chance = random.Random(seed)
    calls, targets = [], {}
    for number in range(requests):
        facility = FACILITIES[number % len(FACILITIES)]
        key = f"load-{seed}-{number:06d}"
        targets[key] = f"load {number:06d}"
        body = {
            **given[facility].request,
            "allocation_id": f"load-{facility}",
            "target": {"name": targets[key], "ra": _up_tonight(), "dec": -5.0},
        }
        call = {"key": key, "path": f"/facilities/{facility}/requests", "body": body}
        calls += [call, call] if chance.random() < SHARED_KEYS else [call]
    return calls, targets


def _up_tonight() -> float:
    """A right ascension, degrees, opposite the Sun."""
    return (180 + (datetime.now(UTC) - _EQUINOX).total_seconds() / 86400 * 360 / 365.2422) % 360


def _submitted(stack: Stack, calls: list[Json], clients: int, seed: int) -> Iterator[Json]:
    for number, outcome in enumerate(_run(stack, calls, clients, seed), 1):
        yield outcome
        if number % 500 == 0:
            print(f"{number} of {len(calls)} calls", file=sys.stderr)


def _run(stack: Stack, calls: list[Json], clients: int, seed: int) -> Iterator[Json]:
    given = {"url": stack.url, "token": stack.token, "clients": clients, "seed": seed, "calls": calls}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load_client"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        json.dump(given, process.stdin)
        process.stdin.close()
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise SystemExit("the clients failed")


def _recover(stack: Stack) -> None:
    """Nothing goes wrong any more: the schedule takes up what was left, until nothing is."""
    for _ in range(ROUNDS):
        began = time.monotonic()
        stack.advance(AHEAD_S)
        left = [each for which in LEFT for each in requests_of(stack, group=GROUP, **which)]
        took = time.monotonic() - began
        print(f"after {took:.0f} s {len(left)} requests are still under way", file=sys.stderr)
        if not left:
            return
    raise SystemExit(
        f"still under way: {[(each['id'], each['status'], each['reason']) for each in left[:5]]}"
    )


if __name__ == "__main__":
    sys.exit(main())
