"""One product from a facility into the bucket: streamed, checked, and taken up again where it broke off.

Whole parts of a file go to S3 as they arrive. What has arrived is noted, so that the next invocation asks the
facility only for the rest (`Range`, with `If-Range`, lest two versions of a file be joined).
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import Any

from slew import clock, config, objects, redirects
from slew.errors import NoAnswer, Rejected
from slew.http import Http, Stream
from slew.wire import Answer, HttpRequest

PART = 8 * 1024 * 1024
"""Bytes held in memory; S3 takes parts from 5 MiB, 10,000 to an object."""
GRACE_S = 5.0
"""For the part that was being read when the time was up."""
_PLAIN = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True)
class Fetch:
    """How far the fetching of a product is.

    - `identity`: digest of the facility's description; another one means another file.
    - `object`, `sha256`, `size` (bytes), `content_type`, `fetched_at`: once it is in the bucket.
    - `upload_id`, `parts` (ETags), `offset` (bytes), `etag` (the facility's): of a broken-off one.
    - `error`, `attempts`, `again_at` (Unix seconds; None: given up): of a failed one.
    - `rows_object`, `rows`: the measurements that were read in it, and how many.
    """

    name: str
    identity: str
    object: str = ""
    sha256: str = ""
    size: int | None = None
    content_type: str = ""
    fetched_at: str | None = None
    upload_id: str = ""
    parts: tuple[str, ...] = ()
    offset: int = 0
    etag: str = ""
    error: str = ""
    attempts: int = 0
    again_at: float | None = None
    rows_object: str = ""
    rows: int | None = None

    @property
    def resumable(self) -> bool:
        """Whether the facility can be asked for the rest: by a weak ETag, or none, it sends the whole."""
        return bool(self.offset and self.etag) and not self.etag.startswith("W/")

    def as_doc(self) -> dict[str, Any]:
        """The stored form."""
        return asdict(self)

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Fetch:
        """From the stored form."""
        return cls(**{**doc, "parts": tuple(doc["parts"])})


class BrokenOff(NoAnswer):
    """The file has not come, or not to its end. `fetch`: what there is of it, and goes on."""

    def __init__(self, error: NoAnswer, fetch: Fetch) -> None:
        super().__init__(error.reason, error.retry_after)
        self.fetch = fetch


@dataclass
class _Kept:
    """What is in the bucket of a file that is being fetched: where the next invocation can go on."""

    fetch: Fetch


@dataclass
class _Body:
    """What has been read of a file; `whole` where that began at its first byte."""

    offset: int
    whole: bool
    sha256: Any = field(default_factory=hashlib.sha256)
    md5: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    def take(self, piece: bytes) -> None:
        self.offset += len(piece)
        self.sha256.update(piece)
        self.md5.update(piece)


def safe_name(name: str) -> str:
    """A product's name as the last part of a key."""
    return _PLAIN.sub("_", name).lstrip("._")[:200] or "product"


def fetch(
    http: Http, request: HttpRequest, product: Mapping[str, Any], begun: Fetch, key: str, ends_at: float
) -> Fetch:
    """Fetch a file, or as much of it as there is time for until `ends_at` (Unix seconds).

    Raises BrokenOff (try again; it says where to go on) and Rejected (do not; the parts are discarded).
    """
    headers = {"Accept-Encoding": "identity", **request.headers}
    if begun.resumable:
        headers |= {"Range": f"bytes={begun.offset}-", "If-Range": begun.etag}
    kept = _Kept(begun)
    try:
        with _opened(http, replace(request, headers=headers), ends_at + GRACE_S) as stream:
            if stream.status not in (200, 206):
                raise _refused(stream)
            _check_headers(stream, product)
            stream = _checked(stream, product)
            if stream.status == 200 or not begun.offset or not _goes_on(stream, begun.offset):
                kept.fetch = _anew(begun, key, etag=stream.headers.get("etag", ""))
            if stream.status == 206 and not _goes_on(stream, kept.fetch.offset):
                raise NoAnswer("the facility sent another part of the file than the one asked for")
            _check_size(kept.fetch.offset + _length(stream), product)
            return _store(stream, product, kept, key, ends_at)
    except NoAnswer as error:
        raise BrokenOff(error, kept.fetch) from None
    except Rejected:
        _anew(kept.fetch, key)
        raise


@contextmanager
def _opened(http: Http, request: HttpRequest, ends_at: float) -> Iterator[Stream]:
    """The download, redirects followed."""
    for _ in range(redirects.MOST + 1):
        limit_s = max(ends_at - clock.timestamp(), GRACE_S)
        with http.stream(request, limit_s=limit_s) as stream:
            following = redirects.onward(request, stream.status, stream.headers)
            if following is None:
                yield stream
                return
        request = following
    raise NoAnswer(f"redirected more than {redirects.MOST} times")


def _store(stream: Stream, product: Mapping[str, Any], kept: _Kept, key: str, ends_at: float) -> Fetch:
    begun = kept.fetch
    content_type = _content_type(stream, product)
    body = _Body(begun.offset, whole=not begun.offset)
    expected = begun.offset + _length(stream) if "content-length" in stream.headers else None
    for part, last in _parts(stream.pieces):
        body.take(part)
        _check_size(body.offset, product)
        if last and not begun.upload_id:
            _check(body, expected, product)
            objects.put(key, part, content_type)
            return _done(begun, body, key, content_type)
        if part:  # a file of whole parts ends in an empty one, which S3 does not take
            begun = kept.fetch = _add_part(begun, key, part, content_type, body.offset)
        if not last and clock.timestamp() >= ends_at and begun.resumable:
            return replace(begun, again_at=clock.timestamp())
    try:
        _check(body, expected, product)
    except NoAnswer:
        kept.fetch = _anew(begun, key)  # nothing can be added to a wrong file to make it right
        raise
    kept.fetch = _anew(replace(begun, upload_id=""), key)
    objects.complete(key, begun.upload_id, begun.parts)
    if not body.whole:  # the parts before were read by another invocation
        body = _read_back(key)
        _check(body, None, product)
    return _done(begun, body, key, content_type)


def _parts(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Parts of equal size, and whether each is the last; at least one, which may be empty."""
    held = b""
    for piece in pieces:
        held += piece
        while len(held) > PART:
            yield held[:PART], False
            held = held[PART:]
    yield held, True


def _add_part(begun: Fetch, key: str, part: bytes, content_type: str, offset: int) -> Fetch:
    upload_id = begun.upload_id or objects.begin(key, content_type)
    etag = objects.add_part(key, upload_id, len(begun.parts) + 1, part)
    return replace(begun, upload_id=upload_id, parts=(*begun.parts, etag), offset=offset)


def _done(begun: Fetch, body: _Body, key: str, content_type: str) -> Fetch:
    return Fetch(
        begun.name,
        begun.identity,
        object=key,
        sha256=body.sha256.hexdigest(),
        size=body.offset,
        content_type=content_type,
        fetched_at=clock.isoformat(clock.timestamp()),
    )


def _read_back(key: str) -> _Body:
    body = _Body(0, whole=True)
    for piece in objects.pieces(key):
        body.take(piece)
    return body


def _check(body: _Body, expected: int | None, product: Mapping[str, Any]) -> None:
    if expected is not None and body.offset != expected:
        raise NoAnswer(f"the file broke off after {body.offset} of {expected} bytes")
    size = product.get("size")
    if isinstance(size, int) and body.whole and body.offset != size:
        raise NoAnswer(f"the file has {body.offset} bytes where the facility says {size}")
    md5 = product.get("md5")
    if md5 and body.whole and body.md5.hexdigest() != str(md5).lower():
        raise NoAnswer("the file's MD5 is not the one that the facility says")


def _check_size(size: int, product: Mapping[str, Any]) -> None:
    limit = config.product_limit()
    if size > limit:
        where = f"; it is at {product['url']}" if product.get("url") else ""
        raise Rejected(f"over the limit of {limit // 1024 // 1024} MB{where}")


def _refused(stream: Stream) -> Exception:
    wait_s = Answer(stream.status, stream.headers, b"").retry_after
    if stream.status in (401, 403, 404, 410):
        return NoAnswer(f"HTTP {stream.status}: the file is not to be had (yet)", wait_s)
    return NoAnswer(f"HTTP {stream.status} in place of the file", wait_s)


def _check_headers(stream: Stream, product: Mapping[str, Any]) -> None:
    """Raises NoAnswer where a header contradicts the product's `expected_headers`."""
    for name, expected in (product.get("expected_headers") or {}).items():
        said = stream.headers.get(name, expected)
        if said != expected:
            raise NoAnswer(f"the facility says {name}: {said[:50]} in place of {expected}")


def _checked(stream: Stream, product: Mapping[str, Any]) -> Stream:
    """The stream, its first piece looked at. Raises NoAnswer for a web page in place of a file.

    Some servers call everything `text/html`, so that the type alone tells nothing.
    """
    html = stream.headers.get("content-type", "").lower().startswith("text/html")
    if not html or str(product.get("content_type", "")).startswith("text/html"):
        return stream
    first = next(stream.pieces, b"")
    if first.lstrip()[:1] == b"<":
        raise NoAnswer("the facility sent a web page in place of the file")
    return replace(stream, pieces=chain([first], stream.pieces))


def _content_type(stream: Stream, product: Mapping[str, Any]) -> str:
    said = stream.headers.get("content-type", "").partition(";")[0].strip()
    guessed = mimetypes.guess_type(str(product["name"]))[0]
    known = str(product.get("content_type") or "")
    anything = "application/octet-stream"
    return known or (said if said not in ("", anything) else guessed or anything)


def _length(stream: Stream) -> int:
    length = stream.headers.get("content-length", "")
    # Of a compressed answer the length is not that of what is read.
    return int(length) if length.isdigit() and "content-encoding" not in stream.headers else 0


def _goes_on(stream: Stream, offset: int) -> bool:
    """Whether a partial answer begins where it was asked to; one that does not say is believed."""
    said = re.match(r"bytes (\d+)-", stream.headers.get("content-range", ""))
    return said is None or int(said[1]) == offset


def _anew(begun: Fetch, key: str, etag: str = "") -> Fetch:
    """From the first byte on; what had been uploaded is discarded."""
    if begun.upload_id:
        objects.abort(key, begun.upload_id)
    return replace(begun, upload_id="", parts=(), offset=0, etag=etag)
