"""Bad networks and broken servers under every operation: a status of the design, and nothing sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from slew.status import Status
from tests.support.calls import Reply
from tests.torture import bad_network, crashing, judge
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.ways import NEVER, Way, all_ways, by_http, ways_that

JSON = dict[str, Any]
MEMORY_KIB = 96 * 1024  # over what the process had before; a function has 512 MB
SECONDS = 25.0  # with short time-outs: what takes longer has waited again and again
FETCHING_S = 30.0  # that a tick which fetches has left
ANSWERS = {200, 201, 202, 409, 422, 503, 504}
CALLS = {
    "update": ("PUT", ""),
    "cancel": ("DELETE", ""),
    "poll": ("POST", "/refresh"),
    "verify": ("POST", ""),
}


@pytest.fixture(scope="session")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    with bad_network.broken_ports(tmp_path_factory.mktemp("tls")) as found:
        yield found


@dataclass
class Trial:
    """One operation of one facility, with or without a fault."""

    bench: Bench
    ports: dict[str, int]
    way: Way
    operation: str
    kind: str = ""
    reply: Reply | None = None
    seconds: float = 0.0
    grown_kib: int = 0

    @property
    def fault(self) -> JSON:
        """The fault to be made."""
        return bad_network.kinds(self.bench.simulators["slack"].url)[self.kind]

    def run(self, case: Case, method: str = "", path: str = "/") -> None:
        """Operate, on a bad network where there is a kind; it meets exchanges of that method and path."""
        if not self.kind:
            self._operate(case)
            return
        setting = self.way.fault_setting if path == self.way.critical else ""
        with bad_network.fault(self.bench, self.ports, case, self.fault, method, path, setting) as suffering:
            self._operate(suffering)
        case.request_id = suffering.request_id
        assert self.seconds < SECONDS, f"took {self.seconds:.1f} s"
        assert self.grown_kib < MEMORY_KIB, f"took {self.grown_kib // 1024} MiB"

    def _operate(self, case: Case) -> None:
        if self.operation == "retrieve":  # a file may drip for as long as there is time
            case = replace(case, remaining_s=FETCHING_S)

        def handler(event: JSON, context: Any) -> JSON:
            done = case.invoke_once(self.way.facility, event)
            self.seconds, self.grown_kib = done.seconds, done.grown_kib
            answer: JSON = done.answer
            return answer

        if self.operation == "submit":
            self.reply = case.submit(self.way.body(self.bench, case), handler)
        elif self.operation == "retrieve":
            handler({"action": "poll"}, None)
        elif self.operation == "verify":
            self.reply = case.client(handler)("POST", f"{case.path}/allocations/{case.allocation_id}/verify")
        else:
            method, more = CALLS[self.operation]
            body = self.way.update(self.bench, case) if self.operation == "update" else None
            self.reply = case.call(method, more, body, handler)
        if self.reply is not None:
            assert self.reply.status in ANSWERS, f"{self.reply.status} {self.reply.text[:300]}"


def _kinds(bench: Bench) -> list[str]:
    return list(bad_network.kinds(bench.simulators["slack"].url))


def _not_trapped(bench: Bench) -> None:
    journal = bench.simulate("slack", "GET", "/_journal")
    assert not [each for each in journal if "TRAP" in each["path"]], "a redirect was followed"


@pytest.mark.parametrize("way", by_http(all_ways()), ids=str)
def test_submitting(bench: Bench, ports: dict[str, int], way: Way) -> None:
    with counting("network: submit", str(way)) as counts:
        judge.each(_kinds(bench), lambda kind: _submitted(bench, ports, way, kind), counts)


def _submitted(bench: Bench, ports: dict[str, int], way: Way, kind: str) -> str:
    with bench.case(way.facility, SEED) as case:
        way.allocate(case)
        trial = Trial(bench, ports, way, "submit", kind)
        trial.run(case, way.method, way.critical)
        _not_trapped(bench)
        assert case.request_id, f"{trial.reply}"
        at_once = way.triggers(case.journal())
        judge.once(at_once)
        first = case.record()["status"]
        assert first != Status.SUBMITTING
        if kind in bad_network.HANDLED:  # or, where it came through after all, known
            assert first in {*judge.KNOWN, Status.UNKNOWN.value}, f"{first}, but the facility has it"
        if kind in bad_network.NOT_REACHED - {"hung up on"}:
            assert (first, at_once) == (Status.PENDING, []), f"{first} after {at_once}"
        if kind in bad_network.THROTTLED:
            assert first not in judge.KNOWN, f"{first}, but it was throttled"
        record = crashing.recover(bench, case, way)
        later = way.triggers(case.journal())
        if kind in bad_network.HANDLED:
            judge.once(later)
        if first in (Status.UNKNOWN, *judge.KNOWN) and not way.can("reconcile"):
            assert later == at_once, "sent again, although nobody can tell what became of the first"
        if first in (Status.REJECTED, Status.FAILED):
            assert later == at_once, "sent again after it had ended"
        assert record["status"] not in (Status.SUBMITTING, Status.PENDING), f"left {record['status']}"
        judge.history(case, record)
        return f"{first}, then {record['status']}" if first != record["status"] else first


@pytest.mark.parametrize(
    ("way", "operation"),
    [(way, operation) for operation in ("update", "cancel") for way in by_http(ways_that(operation))],
    ids=str,
)
def test_changing(bench: Bench, ports: dict[str, int], way: Way, operation: str) -> None:
    with counting(f"network: {operation}", str(way)) as counts:
        clean = _changed(bench, ports, way, operation, "", "", "/")[1]
        # A withdrawal, harmless twice, is not among what was sent; it goes where the trigger went.
        withdrawn = operation == "cancel" and way.withdrawal != NEVER
        critical = clean[-1] if clean else f"{way.method} {way.critical}" if withdrawn else None
        method, path = critical.split(" ", 1) if critical else ("", "/")

        def act(kind: str) -> str:
            return _changed(bench, ports, way, operation, kind, method, path, Counter(clean))[0]

        judge.each(_kinds(bench) if critical else [], act, counts)


def _changed(
    bench: Bench,
    ports: dict[str, int],
    way: Way,
    operation: str,
    kind: str,
    method: str,
    path: str,
    clean: Counter[str] | None = None,
) -> tuple[str, list[str]]:
    with bench.case(way.facility, SEED) as case:
        way.allocate(case)
        assert case.submit(way.body(bench, case)).status == 201
        bench.move(30)
        before = len(case.journal())
        trial = Trial(bench, ports, way, operation, kind)
        trial.run(case, method, path.partition("#")[0])
        _not_trapped(bench)
        sent = way.unsafe(case.journal()[before:])
        if clean is not None:
            more = Counter(sent) - clean
            assert not more, f"sent more than {dict(clean)}: {dict(more)}"
        first = case.record()["status"]
        record = crashing.recover(bench, case, way)
        judge.recovered(bench, case, record)
        judge.history(case, record)
        return f"{first}, then {record['status']}" if first != record["status"] else first, sent


@pytest.mark.parametrize(
    ("way", "operation"),
    [
        *((way, "poll") for way in ways_that("poll")),
        *((way, "verify") for way in ways_that("verify")),
        *((way, "retrieve") for way in ways_that("download") if way.can("poll")),
    ],
    ids=str,
)
def test_reading(bench: Bench, ports: dict[str, int], way: Way, operation: str) -> None:
    with counting(f"network: {operation}", str(way)) as counts:
        paths = _read(bench, ports, way, operation, "", "/")[1]
        target = paths[-1] if paths and operation == "retrieve" else "/"
        judge.each(_kinds(bench), lambda kind: _read(bench, ports, way, operation, kind, target)[0], counts)


def _read(
    bench: Bench, ports: dict[str, int], way: Way, operation: str, kind: str, path: str
) -> tuple[str, list[str]]:
    with bench.case(way.facility, SEED) as case:
        way.allocate(case)
        if operation == "verify":
            trial = Trial(bench, ports, way, operation, kind)
            trial.run(case, path=path)
            _not_trapped(bench)
            assert trial.reply
            valid = trial.reply.status == 200 and trial.reply.json["valid"]
            assert not (valid and kind and "status" in trial.fault), f"valid, says {trial.reply.text[:200]}"
            return str(trial.reply.status), []
        assert case.submit(way.body(bench, case)).status == 201
        before = len(case.journal())
        way.make_ready(bench, case)
        trial = Trial(bench, ports, way, operation, kind)
        trial.run(case, path=path)
        _not_trapped(bench)
        record = case.record()
        judge.recovered(bench, case, record)
        assert record["status"] in judge.KNOWN, f"{record['status']}: {record['reason']}"
        sent = way.changing(case.journal()[before:])
        assert not sent, f"following sent {sent}"
        paths = [each["path"] for each in case.journal()[before:] if each["method"] == "GET"]
        for wait in (400.0, 4000.0, 8000.0) if kind else ():
            case.advance(wait)
        record = case.record()
        judge.history(case, record)
        assert record["status"] in judge.KNOWN, f"later {record['status']}: {record['reason']}"
        return str(record["status"]), paths
