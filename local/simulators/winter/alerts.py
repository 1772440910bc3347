"""Alert packets as Avro object container files, written by hand: the counterpart of what is read of them."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any

_SYNC = b"simulatedwinter!"
_OFFSET_DEG = 30 / 3600
_CANDIDATE: dict[str, Any] = {
    "type": "record",
    "name": "candidate",
    "namespace": "winter.alert",
    "fields": [
        {"name": "jd", "type": "double"},
        {"name": "fid", "type": "int"},
        {"name": "ra", "type": "double"},
        {"name": "dec", "type": "double"},
        {"name": "magpsf", "type": "float"},
        {"name": "sigmapsf", "type": "float"},
        {"name": "diffmaglim", "type": ["null", "float"]},
        {"name": "isdiffpos", "type": "boolean"},
        {"name": "rb", "type": ["null", "float"]},
        {"name": "scorr", "type": "double"},
        {"name": "magzpsci", "type": "float"},
        {"name": "fwhm", "type": "float"},
        {"name": "programid", "type": "int"},
        {"name": "tooflag", "type": "boolean"},
    ],
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "alert",
    "namespace": "winter.alert",
    "fields": [
        {"name": "objectid", "type": "string"},
        {"name": "candid", "type": "long"},
        {"name": "candidate", "type": _CANDIDATE},
        {"name": "prv_candidates", "type": ["null", {"type": "array", "items": "winter.alert.candidate"}]},
        *({"name": f"cutout_{name}", "type": ["null", "bytes"]} for name in ("science", "template", "diff")),
    ],
}


def file(ra_deg: float, dec_deg: float, fid: int, at: float, *, codec: str = "deflate") -> bytes:
    """Alerts of an image taken at a Unix time: the target with an earlier detection, and a neighbour."""
    jd = at / 86400 + 2440587.5
    now = _candidate(ra_deg, dec_deg, fid, jd, 17.2)
    earlier = {**_candidate(ra_deg, dec_deg, fid, jd - 1, 17.6), "isdiffpos": False, "rb": 0.0005}
    neighbour = _candidate(ra_deg, dec_deg + _OFFSET_DEG, fid, jd, 18.9)
    alerts = [_alert("WNTR26aaaaa", 1, now, [earlier]), _alert("WNTR26aaaab", 2, neighbour, None)]
    return container(SCHEMA, alerts, codec)


def container(schema: Mapping[str, Any], records: list[Any], codec: str = "null") -> bytes:
    """An object container file with one block."""
    named: dict[str, Any] = {}
    block = b"".join(_write(schema, record, named) for record in records)
    if codec == "deflate":
        engine = zlib.compressobj(wbits=-15)
        block = engine.compress(block) + engine.flush()
    metadata = {"avro.schema": json.dumps(schema).encode(), "avro.codec": codec.encode()}
    header = _write({"type": "map", "values": "bytes"}, metadata, {})
    return b"Obj\x01" + header + _SYNC + _long(len(records)) + _long(len(block)) + block + _SYNC


def _candidate(ra: float, dec: float, fid: int, jd: float, mag: float) -> dict[str, Any]:
    return {
        "jd": jd, "fid": fid, "ra": ra, "dec": dec, "magpsf": mag, "sigmapsf": 0.05, "diffmaglim": 20.1,
        "isdiffpos": True, "rb": 0.93, "scorr": 21.7, "magzpsci": 23.5, "fwhm": 2.1, "programid": 3,
        "tooflag": True,
    }  # fmt: skip


def _alert(name: str, number: int, candidate: dict[str, Any], earlier: Any) -> dict[str, Any]:
    cutouts = {"cutout_science": b"\x1f\x8b", "cutout_template": None, "cutout_diff": b""}
    return {
        "objectid": name,
        "candid": number,
        "candidate": candidate,
        "prv_candidates": earlier,
        **cutouts,
    }


def _long(value: int) -> bytes:
    zigzag = value * 2 if value >= 0 else -value * 2 - 1
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def _write(schema: Any, value: Any, named: dict[str, Any]) -> bytes:
    if isinstance(schema, list):
        index = 0 if value is None else next(i for i, branch in enumerate(schema) if branch != "null")
        return _long(index) + _write(schema[index], value, named)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in named:
        return _write(named[kind], value, named)
    if kind == "record":
        named[f"{schema['namespace']}.{schema['name']}"] = schema
        return b"".join(_write(each["type"], value[each["name"]], named) for each in schema["fields"])
    if kind == "array":
        items = b"".join(_write(schema["items"], item, named) for item in value)
        return (_long(len(value)) + items if value else b"") + _long(0)
    if kind == "map":
        pairs = b"".join(_string(key) + _write(schema["values"], item, named) for key, item in value.items())
        return _long(len(value)) + pairs + _long(0)
    return _primitive(kind, value)


def _primitive(kind: str, value: Any) -> bytes:
    if kind == "null":
        return b""
    if kind == "boolean":
        return b"\1" if value else b"\0"
    if kind in ("int", "long"):
        return _long(value)
    if kind in ("float", "double"):
        assert math.isfinite(value)
        return struct.pack("<f" if kind == "float" else "<d", value)
    return _string(value) if kind == "string" else _long(len(value)) + bytes(value)


def _string(text: str) -> bytes:
    raw = text.encode()
    return _long(len(raw)) + raw
