"""ZTF: what is kept of a queue, what a listed one means, and what the depot's tables say; no server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slew.facility import HttpLink, Link, MailLink, Progress
from slew.status import Status
from slew.validation import parse
from slew.wire import Answer, HttpRequest
from ztf import depot, progress
from ztf.kept import Kept, KeptSkymap, Listed, digest
from ztf.models import ZtfAltdata

JSON = dict[str, Any]
START = datetime(2026, 3, 11, 3, tzinfo=UTC)
COMMON = {"program_id": 2, "program_pi": "Kulkarni/observer1", "subprogram_name": "ToO_GRB"}
TARGETS: list[JSON] = [
    {"field_id": field, "filter_id": band, "exposure_time": 300.0, **COMMON}
    for band in (1, 2)
    for field in (699, 700)
]
BODY: JSON = {
    "queue_name": "ToO_a",
    "user": "observer1",
    "validity_window_mjd": [61110.125, 61110.5],
    "targets": TARGETS,
}
KEPT = Kept.of(BODY)


def listed(targets: list[JSON] | None = None, **change: Any) -> Listed:
    found = Listed(
        "ToO_a",
        "list",
        False,
        True,
        True,
        (61110.125, 61110.5),
        tuple(TARGETS if targets is None else targets),
    )
    return replace(found, **change)


def test_what_is_kept_survives_json() -> None:
    assert Kept.read(json.loads(json.dumps(KEPT.data()))) == KEPT
    assert (KEPT.targets, KEPT.total, KEPT.shortest_s) == (4, 4, 1200.0)
    assert (KEPT.start, KEPT.end) == (START, datetime(2026, 3, 11, 12, tzinfo=UTC))
    trigger = KeptSkymap("S1", "observer1", 1, digest([{"field_id": 1, "probability": 0.5}]), 61110.0)
    assert KeptSkymap.read(json.loads(json.dumps(trigger.data()))) == trigger
    assert Kept.read(trigger.data()) is None
    assert KeptSkymap.read(KEPT.data()) is None
    assert Kept.read({}) is None


@given(
    st.lists(
        st.tuples(st.integers(1, 881), st.integers(1, 3), st.floats(0.1, 900), st.integers(1, 9)), min_size=1
    )
)
@settings(max_examples=50)
def test_any_queue_is_known_again(rows: list[tuple[int, int, float, int]]) -> None:
    keys = ("field_id", "filter_id", "exposure_time", "n_repeats")
    targets = [{**dict(zip(keys, row, strict=True)), **COMMON} for row in rows]
    kept = Kept.of({**BODY, "targets": targets})
    assert Kept.read(json.loads(json.dumps(kept.data()))) == kept
    assert kept.is_same(listed(targets))
    assert kept.is_same(listed(targets[1:]))
    assert not kept.is_same(listed([*targets, targets[0]]))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"targets": tuple(TARGETS[2:])}, True),
        ({"targets": ()}, True),
        ({"targets": None}, True),
        ({"window": None}, True),
        ({"window": (61110.125 + 1e-9, 61110.5)}, True),
        ({"targets": ({"field_id": 699},)}, True),
        ({"name": "ToO_b"}, False),
        ({"window": (61110.2, 61110.5)}, False),
        ({"targets": ({**TARGETS[0], "field_id": 701},)}, False),
        ({"targets": ({**TARGETS[0], "filter_id": 3},)}, False),
        ({"targets": ({**TARGETS[0], "exposure_time": 30.0},)}, False),
        ({"targets": ({**TARGETS[0], "program_pi": "Kulkarni/observer2"},)}, False),
        ({"targets": ({**TARGETS[0], "n_repeats": 2},)}, False),
    ],
)
def test_which_listed_queue_is_this_one(change: JSON, same: bool) -> None:
    assert KEPT.is_same(listed(**change)) is same


def looked(targets: list[JSON] | None, hours: float, data: JSON | None = None, **change: Any) -> Progress:
    return progress.found(KEPT, listed(targets, **change), data or {}, START + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("targets", "hours", "change", "status"),
    [
        (TARGETS, -1, {}, Status.SUBMITTED),
        (TARGETS, -1, {"is_current": True}, Status.SUBMITTED),
        (TARGETS, 1, {}, Status.SUBMITTED),
        (TARGETS, 1, {"is_current": True}, Status.IN_PROGRESS),
        (TARGETS[1:], 1, {}, Status.IN_PROGRESS),
        ([], 1, {}, Status.IN_PROGRESS),
        (TARGETS[1:], 9.1, {}, Status.EXPIRED),
    ],
)
def test_the_card_s_table_of_listed_queues(
    targets: list[JSON], hours: float, change: JSON, status: Status
) -> None:
    assert looked(targets, hours, **change).status is status


@pytest.mark.parametrize(
    ("data", "hours", "status", "words"),
    [
        ({}, -1, Status.CANCELLED, "before its window opened"),
        ({"left": 4}, 1, Status.COMPLETE, "all done, or removed by an operator"),
        ({}, 1, Status.COMPLETE, "all done, or removed by an operator"),
        ({"left": 0}, 10, Status.COMPLETE, "unconfirmed"),
        ({}, 10, Status.COMPLETE, "unconfirmed"),
        ({"left": 1, "left_at": "x"}, 10, Status.EXPIRED, "3 of 4 exposures"),
        ({"withdrawn_at": "2026-03-11T03:00:00.000Z"}, 1, Status.CANCELLED, "deleted by Slew"),
    ],
)
def test_the_card_s_table_of_queues_that_are_gone(
    data: JSON, hours: float, status: Status, words: str
) -> None:
    found = progress.gone(KEPT, data, START + timedelta(hours=hours))
    assert (found.status, found.next_poll_s) == (status, None)
    assert words in found.text


def test_when_it_is_asked_again() -> None:
    # A tenth of the wait is the library's: asked not much before the window opens, and never late for it.
    assert looked(TARGETS, -10).next_poll_s == pytest.approx(36000 / 1.1)
    assert looked(TARGETS, 1).next_poll_s == 300
    assert looked(TARGETS, 9 - 2 / 60).next_poll_s == pytest.approx(180)
    assert looked(TARGETS, 9).next_poll_s == 60


def test_an_unanswered_deletion_is_forgotten_after_a_while() -> None:
    data = {"withdrawn_at": "2026-03-11T04:00:00.000Z"}
    assert "withdrawn_at" not in looked(TARGETS, 1.01, data).data
    assert looked(TARGETS, 1.1, data).data["withdrawn_at"] is None


# -- the depot


def quadrants(status: int = 0, **change: Any) -> list[JSON]:
    row = {
        "exposure_id": 7,
        "field_id": 699,
        "filter_id": 1,
        "obsjd": 2461110.7,
        "exposure_time": 300,
        **change,
    }
    return [{**row, "maglim": 20.0 + number, "fwhm": 2.0, "status": status} for number in range(4)]


@pytest.mark.parametrize("columns", [False, True])
def test_an_exposure_is_made_of_its_quadrants(columns: bool) -> None:
    rows: Any = [*quadrants(), *quadrants(status=1, field_id=700, exposure_id=8)]
    if columns:
        rows = {name: [row[name] for row in rows] for name in rows[0]}
    good, bad = depot.exposures(depot.table(json.dumps(rows).encode()))
    assert good == {
        "exposure_id": "7",
        "field_id": 699,
        "filter_id": 1,
        "filter": "ztfg",
        "obsjd": 2461110.7,
        "exposure_time": 300.0,
        "maglim": 21.5,
        "fwhm": 2.0,
        "processed_fraction": 0.0625,
    }
    assert (bad["processed_fraction"], bad["maglim"]) == (0.0, None)


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"[1]", b'[{"field_id": 1}]', b'{"a": 1}', b'{"a": [1], "b": []}']
)
def test_tables_that_cannot_be_read(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json or int say
        depot.table(content)


def test_the_older_table() -> None:
    text = (
        "|          jd | field | fid | expid | diffmaglim | difffwhm | exptime | subtractionstatus |\n"
        "|-------------|-------|-----|-------|------------|----------|---------|-------------------|\n"
        "| 2461110.700 |   699 |   2 |    12 |       20.1 |     null |      30 |                 1 |\n"
        "| 2461110.700 |   699 |   2 |    12 |       20.3 |      2.2 |      30 |                 0 |\n"
    )
    (found,) = depot.exposures(depot.goodsubs(text.encode()))
    assert (found["filter"], found["maglim"], found["fwhm"]) == ("ztfr", 20.1, None)
    assert depot.goodsubs(b"") == []
    with pytest.raises(ValueError, match="zip"):
        depot.goodsubs(b"|jd|field|\n|--|--|\n|1|\n")


def test_nights_are_ut_dates_of_the_window() -> None:
    assert depot.nights(START, START + timedelta(hours=9)) == ("20260311",)
    assert depot.nights(START, START + timedelta(hours=22)) == ("20260311", "20260312")
    assert depot.nights(START, START + timedelta(days=30))[-1] == "20260410"
    assert len(depot.nights(START, START + timedelta(days=30))) == depot.NIGHTS


class Pieces:
    """An HTTP link whose answers are cut after so many bytes, as the session's are after 8 MiB."""

    def __init__(self, content: bytes, cut: int) -> None:
        self.content, self.cut = content, cut
        self.asked: list[str] = []

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        assert request.untrusted
        self.asked.append(f"{request.method} {request.headers.get('Range', '')}".strip())
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        body = b"" if request.method == "HEAD" else self.content[start : start + self.cut]
        cut = bool(body) and start + len(body) < len(self.content)
        return Answer(206 if start else 200, {}, body, truncated=cut)


def test_a_night_that_is_larger_than_an_answer_is_read_in_pieces() -> None:
    rows = quadrants(obsjd=2461110.7 + 0.01)
    content = json.dumps(rows).encode()
    http = Pieces(content, len(content) // 3 + 1)
    link = Link(cast(HttpLink, http), cast(MailLink, None))
    login = {"depot": "https://example.org/depot", "depot_username": "x", "depot_password": "word"}
    altdata = parse(ZtfAltdata, {"access_token": "t", **login})
    found = depot.executed(KEPT, altdata, link, START + timedelta(hours=5))
    assert (found.done, found.read, found.trouble) == (1, ("20260311",), "")
    third = len(content) // 3 + 1
    assert http.asked == ["HEAD", "GET", f"GET bytes={third}-", f"GET bytes={2 * third}-"]
    depot.executed(KEPT, altdata, link, START + timedelta(hours=5))
    assert len(http.asked) == 4
