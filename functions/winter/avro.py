"""Reading Avro object container files, no further than the alerts need (Apache Avro specification 1.11).

Primitive and complex types, named types used again, codecs `null` and `deflate`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

MAGIC = b"Obj\x01"
LIMIT = 64 * 1024 * 1024
_SYNC = 16
_DEEPEST = 64
_METADATA = {"type": "map", "values": "bytes"}


def records(content: bytes) -> Iterator[Any]:
    """The records of a file, one by one. Raises ValueError where it cannot be read."""
    try:
        yield from _records(_Reader(content, {}))
    except (LookupError, TypeError, RecursionError, struct.error, zlib.error) as error:
        raise ValueError(f"is no readable Avro file ({type(error).__name__})") from None


def _records(file: _Reader) -> Iterator[Any]:
    if file.take(4) != MAGIC:
        raise ValueError("is no Avro file")
    header = file.value(_METADATA)
    sync = file.take(_SYNC)
    codec = header.get("avro.codec", b"null").decode()
    if codec not in ("null", "deflate"):
        raise ValueError(f"is compressed with {codec}, which cannot be read")
    schema = json.loads(header["avro.schema"])
    named: dict[str, Any] = {}
    _learn(schema, named)
    left = LIMIT
    while not file.ended:
        count, size = file.long(), file.long()
        block = file.take(size)
        if codec == "deflate":
            block = _inflated(block, left)
        left -= len(block)
        reader = _Reader(block, named)
        for _ in range(count):
            yield reader.value(schema)
        if file.take(_SYNC) != sync:
            raise ValueError("is damaged: a block does not end where it should")


class _Reader:
    """Takes values off bytes, from the front."""

    def __init__(self, content: bytes, named: Mapping[str, Any]) -> None:
        self._content, self._at, self._named = content, 0, named

    @property
    def ended(self) -> bool:
        return self._at >= len(self._content)

    def take(self, size: int) -> bytes:
        if size < 0 or self._at + size > len(self._content):
            raise ValueError("is cut off or damaged")
        part = self._content[self._at : self._at + size]
        self._at += size
        return part

    def long(self) -> int:
        """A zigzag variable-length integer."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift > 63:
                raise ValueError("is damaged: an integer is too long")

    def value(self, schema: Any, depth: int = 0) -> Any:
        """One value of a schema. Raises ValueError."""
        if depth > _DEEPEST:
            raise ValueError("is nested too deep")
        if isinstance(schema, list):
            return self.value(schema[self._index(len(schema))], depth + 1)
        kind = schema["type"] if isinstance(schema, dict) else schema
        if not isinstance(kind, str):
            return self.value(kind, depth + 1)
        if kind in self._named:
            return self.value(self._named[kind], depth + 1)
        return self._simple(kind) if kind in _SIMPLE else self._complex(kind, schema, depth)

    def _index(self, length: int) -> int:
        index = self.long()
        if not 0 <= index < length:
            raise ValueError("is damaged: a union has no such branch")
        return index

    def _simple(self, kind: str) -> Any:
        if kind == "null":
            return None
        if kind == "boolean":
            return self.take(1) != b"\0"
        if kind in ("int", "long"):
            return self.long()
        if kind == "float":
            return struct.unpack("<f", self.take(4))[0]
        if kind == "double":
            return struct.unpack("<d", self.take(8))[0]
        content = self.take(self.long())
        return content if kind == "bytes" else content.decode("utf-8", "replace")

    def _complex(self, kind: str, schema: Any, depth: int) -> Any:
        if kind == "record":
            return {each["name"]: self.value(each["type"], depth + 1) for each in schema["fields"]}
        if kind == "enum":
            return schema["symbols"][self._index(len(schema["symbols"]))]
        if kind == "fixed":
            return self.take(schema["size"])
        if kind == "array":
            return [self.value(schema["items"], depth + 1) for _ in self._counted()]
        if kind == "map":
            return {self._simple("string"): self.value(schema["values"], depth + 1) for _ in self._counted()}
        raise ValueError(f"has an unknown type {kind[:50]!r}")

    def _counted(self) -> Iterator[None]:
        """As often as the blocks of an array or a map say."""
        while count := self.long():
            if count < 0:
                self.long()  # the block's size in bytes
            if abs(count) > len(self._content):
                raise ValueError("is damaged: more items than bytes")
            yield from [None] * abs(count)


_SIMPLE = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


def _learn(schema: Any, named: dict[str, Any], space: str = "") -> None:
    """Note the named types by their short and full names, wherever they are defined."""
    if isinstance(schema, list):
        for branch in schema:
            _learn(branch, named, space)
    elif isinstance(schema, dict):
        if schema.get("type") in ("record", "enum", "fixed"):
            space = schema.get("namespace", space)
            named[schema["name"]] = named[f"{space}.{schema['name']}"] = schema
        for inner in [*(each["type"] for each in schema.get("fields", ())), *map(schema.get, _INNER)]:
            _learn(inner, named, space)


_INNER = ("items", "values", "type")


def _inflated(block: bytes, limit: int) -> bytes:
    engine = zlib.decompressobj(-15)
    content = engine.decompress(block, max(limit, 1))
    if engine.unconsumed_tail:
        raise ValueError(f"holds more than {LIMIT // 2**20} MiB")
    return content
