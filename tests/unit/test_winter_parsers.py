"""WINTER: what is read of the service's answers, names, tables and alert files."""

from __future__ import annotations

import contextlib
import io
import json
import math
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local.simulators.winter import alerts as written
from local.simulators.winter import sky
from slew import light_curve
from slew.errors import NoAnswer
from slew.wire import Answer
from winter import alerts, avro, palomar, schedules, server
from winter.programme import Programme

JSON = dict[str, Any]
PACIFIC = ZoneInfo("America/Los_Angeles")
RA, DEC = 210.910674637, 54.311651
AT = 1796101200.0  # 2026-12-01 05:00 UTC
YEARS = st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2090-01-01"))


# -- names


@given(YEARS)
@example(datetime.fromisoformat("2026-03-08T10:00:00"))
@example(datetime.fromisoformat("2026-03-08T09:59:59"))
@example(datetime.fromisoformat("2026-11-01T08:59:59"))
def test_local_time_is_that_of_the_pacific(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    local = moment.astimezone(PACIFIC)
    assert sky.local_name(moment.timestamp()) == local.strftime("%Y_%m_%d_%H_%M_%S")
    if not local.fold:  # the hour that comes twice is taken for the first
        assert palomar.to_utc(local.replace(tzinfo=None)) == moment
    else:
        assert palomar.to_utc(local.replace(tzinfo=None)) == moment - timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "made_at"),
    [
        ("request_2026B001_2026_12_01_19_02_44", datetime(2026, 12, 2, 3, 2, 44, tzinfo=UTC)),
        ("request_2026_001_2026_07_01_19_02_44", datetime(2026, 7, 2, 2, 2, 44, tzinfo=UTC)),
        ("request_2026B001_2026_13_01_19_02_44", None),
        ("winter_dummy", None),
    ],
)
def test_a_name_tells_when_it_was_given(name: str, made_at: datetime | None) -> None:
    assert schedules.Schedule(name, 0.0, (), None, None, None).made_at == made_at


# -- tables and reasons


@pytest.mark.parametrize(
    "body",
    [
        {"a": {"2": 1, "5": 2}, "b": {"2": "x"}},
        [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        '[{"a": 1, "b": "x"}, {"a": 2, "b": null}]',
        '{"a": {"0": 1, "1": 2}, "b": {"0": "x"}}',
    ],
)
def test_tables_in_each_shape(body: Any) -> None:
    assert schedules.table(body) == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


@pytest.mark.parametrize("body", [None, 7, "text", "7", [1], {"a": [1]}, {"a": 1}])
def test_what_is_no_table(body: Any) -> None:
    with pytest.raises(NoAnswer):
        schedules.table(body)


def test_empty_tables() -> None:
    assert schedules.table({}) == schedules.table([]) == schedules.table({"a": {}}) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"detail": "Incorrect email or password"}, "Incorrect email or password"),
        ({"msg": "no such thing"}, "no such thing"),
        ({"detail": [{"loc": ["body", 0, "filters", 0], "msg": "bad", "input": "V"}]}, "[0].filters[0]: bad"),
        (
            {"detail": [{"loc": ["query", "program_name"], "msg": "Field required"}]},
            "program_name: Field required",
        ),
        ({"detail": [{"msg": "odd"}, "text"]}, "odd; text"),
        ({"detail": [{"loc": 7, "msg": "odd"}]}, "odd"),
        ({"detail": {"a": 1}}, "{'a': 1}"),
        ({}, "HTTP 400 without a reason"),
        ("words", "words"),
    ],
)
def test_reasons_are_readable(body: Any, reason: str) -> None:
    assert server.reason(Answer(400, {}, json.dumps(body).encode())) == reason


def test_html_is_stripped_and_cut() -> None:
    page = b"<html><style>p {}</style><h1>502 Bad&nbsp;Gateway</h1>\n<p>nginx</p>" + b"x" * 1000
    reason = server.reason(Answer(502, {}, page))
    assert reason.startswith("HTTP 502 502 Bad Gateway nginx")
    assert len(reason) == 501


@pytest.mark.parametrize(
    ("facts", "programme"),
    [
        ({}, Programme()),
        ({"maxpriority": "high", "startdate": 7, "enddate": "soon", "hours_used": True}, Programme()),
        ({"maxpriority": math.nan}, Programme()),
        (
            {"maxpriority": 60, "startdate": "2026-07-01", "enddate": "2026-12-31", "hours_allocated": 5},
            Programme(60.0, datetime(2026, 7, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), 5.0),
        ),
    ],
)
def test_programmes_as_far_as_they_are_told(facts: JSON, programme: Programme) -> None:
    assert Programme.of(facts) == programme


# -- alert files

SCHEMA: JSON = {
    "type": "record",
    "name": "all",
    "namespace": "test",
    "fields": [
        {"name": "nothing", "type": "null"},
        {"name": "flag", "type": "boolean"},
        {"name": "whole", "type": "long"},
        {"name": "single", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "text", "type": "string"},
        {"name": "raw", "type": ["null", "bytes"]},
        {"name": "list", "type": {"type": "array", "items": "double"}},
        {"name": "table", "type": {"type": "map", "values": "long"}},
    ],
}
RECORD = st.fixed_dictionaries(
    {
        "nothing": st.none(),
        "flag": st.booleans(),
        "whole": st.integers(-(2**63), 2**63 - 1),
        "single": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "double": st.floats(allow_nan=False, allow_infinity=False),
        "text": st.text(),
        "raw": st.one_of(st.none(), st.binary()),
        "list": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5),
        "table": st.dictionaries(st.text(max_size=5), st.integers(-9, 9), min_size=1, max_size=5),
    }
)


@settings(max_examples=50)
@given(st.lists(RECORD, max_size=4), st.sampled_from(["null", "deflate"]))
def test_avro_is_read_as_written(records: list[JSON], codec: str) -> None:
    assert list(avro.records(written.container(SCHEMA, records, codec))) == records


def test_avro_by_the_specification() -> None:
    """Bytes put together by hand: enum, fixed, sized array blocks, a named type used again."""
    schema: JSON = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "suit", "type": {"type": "enum", "name": "suit", "symbols": ["A", "B"]}},
            {"name": "again", "type": "suit"},
            {"name": "two", "type": {"type": "fixed", "name": "two", "size": 2}},
            {"name": "list", "type": {"type": "array", "items": "int"}},
        ],
    }
    record = b"\x02" + b"\x00" + b"ab" + b"\x03\x04\x01\x02" + b"\x02\x04" + b"\x00"
    metadata = json.dumps(schema).encode()
    size = len(metadata)
    length = bytes([(size * 2 & 0x7F) | 0x80, size * 2 >> 7])
    sync = b"0123456789abcdef"
    file = b"Obj\x01\x02\x16avro.schema" + length + metadata + b"\x00" + sync
    file += b"\x02" + bytes([len(record) * 2]) + record + sync
    assert list(avro.records(file)) == [{"suit": "B", "again": "A", "two": b"ab", "list": [-1, 1, 2]}]


@settings(max_examples=50)
@given(st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(data: st.DataObject) -> None:
    whole = written.file(RA, DEC, 2, AT, codec=data.draw(st.sampled_from(["null", "deflate"])))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(st.sampled_from([whole[:at], whole[:at] + b"\xff" + whole[at + 1 :], b"PK" + whole]))
    with contextlib.suppress(ValueError):
        alerts.rows(damaged, RA, DEC)


@pytest.mark.parametrize("codec", ["snappy", "zstandard"])
def test_a_codec_that_is_not_known_is_told(codec: str) -> None:
    with pytest.raises(ValueError, match=codec):
        list(avro.records(written.container(SCHEMA, [], codec)))


def test_a_bomb_does_not_go_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avro, "LIMIT", 1000)
    bomb = written.container({"type": "string"}, ["x" * 100_000], "deflate")
    with pytest.raises(ValueError, match="holds more than"):
        list(avro.records(bomb))
    with pytest.raises(ValueError, match="holds more than"):
        alerts.rows(zipped({"a.avro": written.container({"type": "string"}, ["x" * 2000])}), RA, DEC)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [True, False])
def test_detections_at_the_target_become_rows(packed: bool) -> None:
    file = written.file(RA, DEC, 2, AT)
    earlier, now = alerts.rows(zipped({"x.avro": file, "log.txt": b"-"}) if packed else file, RA, DEC)
    assert (now.filter, now.magsys, now.zp, now.flags) == ("2massj", "ab", 23.9, ())
    assert now.mjd == pytest.approx(61375 + 5 / 24, abs=1e-6)
    assert now.mag == pytest.approx(17.2)
    assert now.limiting_mag == pytest.approx(20.1)
    assert now.flux is not None
    assert now.flux_err is not None
    assert now.flux == pytest.approx(10 ** (0.4 * (23.9 - 17.2)), rel=1e-6)
    assert now.flux_err == pytest.approx(now.flux * 0.05 * math.log(10) / 2.5, rel=1e-6)
    assert earlier.mjd == pytest.approx(now.mjd - 1)
    assert (earlier.mag, earlier.flags) == (None, ("bogus", "negative"))
    assert earlier.flux == pytest.approx(-(10 ** (0.4 * (23.9 - 17.6))), rel=1e-6)


@pytest.mark.parametrize(("shift_arcsec", "found"), [(0.0, 2), (1.9, 2), (2.1, 0), (28.5, 1), (30.0, 1)])
def test_two_arcseconds_decide(shift_arcsec: float, found: int) -> None:
    assert len(alerts.rows(written.file(RA, DEC, 2, AT), RA, DEC + shift_arcsec / 3600)) == found


def test_the_cosine_of_the_declination_counts() -> None:
    file = written.file(RA, DEC, 2, AT)
    assert len(alerts.rows(file, RA + 3.3 / 3600, DEC)) == 2
    assert alerts.rows(file, RA + 3.5 / 3600, DEC) == ()
    assert len(alerts.rows(written.file(359.9999, 0.0, 1, AT), 0.0002, 0.0)) == 2


@pytest.mark.parametrize(("fid", "name"), [(1, "desy"), (2, "2massj"), (3, "2massh"), (4, "fid4")])
def test_filters_by_the_names_that_the_team_uses(fid: int, name: str) -> None:
    row = alerts.rows(written.file(RA, DEC, fid, AT), RA, DEC)[-1]
    assert (row.filter, "other_filter" in row.flags) == (name, fid == 4)
    told = light_curve.for_skyportal([{**asdict(row), "flux": 10.0}])
    assert [each["filter"] for each in told] == ([] if fid == 4 else [name])
