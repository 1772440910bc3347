"""Addresses that lead inside, and answers that would bring the house down: tried, and refused."""

from __future__ import annotations

import gzip
import http.server
import resource
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from lt import markup
from slew import clock, config, fetching, guard, objects
from slew.errors import Failed, NoAnswer, NotSent, Rejected
from slew.http import ANSWER_LIMIT, RECORD_LIMIT, Http
from slew.redact import Redactor
from slew.wire import HttpRequest

MIB = 1024 * 1024

INSIDE = [
    "https://127.0.0.1./",
    "https://localhost./",
    "https://0/",
    "https://0.0.0.0/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://0x7F000001/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://2130706433/",
    "https://127.0.0.1%00.example.org/",
    "https://127\u30020\u30020\u30021/",
    "https://127\uff0e0\uff0e0\uff0e1/",
    "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://\u202e127.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xA9FEA9FE/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::1%251]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[::ffff:0:0]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[3fff::1]/",
    "https://user:password@8.8.8.8/",
    "https://8.8.8.8:80@127.0.0.1/",
    "https://8.8.8.8%2f@127.0.0.1/",
    "https://8.8.8.8;@127.0.0.1/",
    "https://8.8.8.8#@127.0.0.1/",
    "https://127.0.0.1\\@8.8.8.8/",
    "https://8.8.8.8\t.example.org/",
    "https://8.8.8.8\r\nHost: 127.0.0.1/",
    "https://8.8.8.8:443:80/",
    "https://8.8.8.8:\uff14\uff14\uff13/",
    "https:///8.8.8.8/",
    "//8.8.8.8/",
    "http://8.8.8.8/",
    "gopher://8.8.8.8/",
    "file:///etc/passwd",
    "https://[127.0.0.1]/",
    "https://[v1.fe80]/",
    f"https://{'a' * 300}.org/",
    "https://a..b/",
    "",
]


@pytest.mark.parametrize("url", INSIDE)
def test_no_way_of_writing_it_leads_inside(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *given, **_: connected.append(given))
    marked: list[int] = []
    with pytest.raises((Failed, NotSent)):
        Http(Redactor(), lambda: marked.append(1)).send(HttpRequest("POST", url, untrusted=True))
    assert connected == []
    assert marked == []


@pytest.fixture
def rebinding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A name that is public when it is first asked for, and the machine itself ever after."""
    asked: list[str] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> Any:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("way", ["send", "read", "stream"])
def test_a_name_that_rebinds_is_asked_for_once(
    rebinding: list[str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    connected: list[Any] = []

    def connect(address: Any, **_: Any) -> Any:
        connected.append(address)
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "create_connection", connect)
    request = HttpRequest("GET", "https://rebind.example/", untrusted=True)
    ways: dict[str, Callable[[HttpRequest], Any]] = {
        "send": Http(Redactor()).send,
        "read": Http(Redactor()).read,
        "stream": lambda request: ExitStack().enter_context(Http(Redactor()).stream(request)),
    }
    with pytest.raises((NotSent, NoAnswer)):
        ways[way](request)
    assert rebinding == ["rebind.example"]
    assert connected == [("93.184.215.14", 443)]


def test_a_name_without_addresses_pins_nothing_and_so_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(NotSent):
        guard.resolve("https://empty.example/")


# ---- answers of a facility


@cache
def bomb() -> bytes:
    """Two GiB of zeros, packed into 2 MB: members of a gzip file follow each other."""
    return gzip.compress(bytes(16 * MIB), 6) * 128


@cache
def deflated() -> bytes:
    """64 MiB of zeros."""
    return zlib.compress(bytes(64 * MIB), 6)


@cache
def twice() -> bytes:
    """The bomb packed once more."""
    return gzip.compress(bomb(), 1)


class Bombs(http.server.BaseHTTPRequestHandler):
    """Answers whose content encodings unpack to much more, that redirect, or that are endless."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self) -> None:
        self.seen.append(self.path)
        encoding, body = {
            "/gzip": ("gzip", bomb()),
            "/twice": ("gzip, gzip", twice()),
            "/chain": (", ".join(["gzip"] * 50), bomb()),
            "/deflate": ("deflate", deflated()),
            "/junk": ("identity", b"x" * (10 * MIB)),
            "/broken": ("gzip", b"\x1f\x8bnothing of the kind"),
            "/inside": ("identity", b""),
        }[self.path]
        self.send_response(302 if self.path == "/inside" else 200)
        if self.path == "/inside":
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class _Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are the point."""


@pytest.fixture(scope="module")
def bombs() -> Iterator[str]:
    assert bomb()
    assert twice()
    assert deflated()
    server = _Quiet(("127.0.0.1", 0), Bombs)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def most_memory() -> int:
    """Bytes that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("path", ["/gzip", "/twice", "/deflate", "/junk"])
def test_an_answer_is_cut_after_unpacking_and_memory_is_bounded(bombs: str, path: str) -> None:
    link = Http(Redactor(["a secret value"]))
    before = most_memory()
    answer = link.send(HttpRequest("POST", bombs + path, body=b"x"))
    assert answer.truncated
    assert len(answer.body) == ANSWER_LIMIT
    assert len(link.exchanges[0].answer_body) < RECORD_LIMIT + 100
    assert most_memory() - before < 100 * MIB


@pytest.mark.parametrize("path", ["/chain", "/broken"])
def test_an_answer_that_cannot_be_unpacked_is_none(bombs: str, path: str) -> None:
    with pytest.raises(NoAnswer):
        Http(Redactor()).read(HttpRequest("GET", bombs + path))
    with pytest.raises(NoAnswer), Http(Redactor()).stream(HttpRequest("GET", bombs + path)) as stream:
        list(stream.pieces)


@pytest.mark.parametrize("path", ["/gzip", "/twice"])
def test_a_stream_unpacks_piece_by_piece(bombs: str, path: str) -> None:
    before, size = most_memory(), 0
    with Http(Redactor()).stream(HttpRequest("GET", bombs + path)) as stream:
        for piece in stream.pieces:
            assert len(piece) <= MIB
            size += len(piece)
            if size > 128 * MIB:
                break
    assert size > 128 * MIB
    assert most_memory() - before < 50 * MIB


@pytest.mark.parametrize("path", ["/gzip", "/twice"])
def test_a_product_over_the_limit_is_left_where_it_is(
    bombs: str, path: str, embedded_aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEW_PRODUCT_LIMIT_MB", "20")
    before = most_memory()
    product = {"name": "../../../x\u202egpj.fits", "url": bombs + path}
    begun = fetching.Fetch(name="x", identity="x")
    request = HttpRequest("GET", bombs + path)
    with pytest.raises(Rejected, match="over the limit of 20 MB"):
        fetching.fetch(Http(Redactor()), request, product, begun, "products/t/r/x", clock.timestamp() + 60)
    assert most_memory() - before < 150 * MIB
    assert "Contents" not in objects.client().list_objects_v2(Bucket=config.bucket())


def test_a_redirect_inside_is_not_followed(bombs: str) -> None:
    Bombs.seen.clear()
    assert Http(Redactor()).send(HttpRequest("POST", f"{bombs}/inside")).status == 302
    with Http(Redactor()).stream(HttpRequest("GET", f"{bombs}/inside")) as stream:
        assert stream.status == 302
    assert Bombs.seen == ["/inside", "/inside"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
XML_BOMBS = {
    "billion laughs": f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r>&l11;</r>',
    "quadratic": f'<!DOCTYPE r [<!ENTITY a "{"a" * 100_000}">]><r>{"&a;" * 10_000}</r>',
    "external": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
    "external by http": '<!DOCTYPE r [<!ENTITY x SYSTEM "http://169.254.169.254/">]><r>&x;</r>',
    "parameter": '<!DOCTYPE r [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><r/>',
    "parameter, own": "<!DOCTYPE r [<!ENTITY % a \"<!ENTITY b 'c'>\"> %a;]><r>&b;</r>",
    "in an attribute": f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r a="&l11;"/>',
    "deep": "<a>" * 200_000,
    "undeclared": "<r>&nothing;</r>",
}


@pytest.mark.parametrize("name", XML_BOMBS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_entity_is_expanded_nor_fetched(name: str, encoding: str) -> None:
    before = most_memory()
    with pytest.raises(markup.Unreadable):
        markup.parse(XML_BOMBS[name].encode(encoding))
    with pytest.raises(markup.Unreadable):
        markup.parse(XML_BOMBS[name])
    gemini = pytest.importorskip("gemini.xml_reader")
    with pytest.raises(gemini.Unreadable):
        gemini.parse(XML_BOMBS[name].encode(encoding))
    assert most_memory() - before < 50 * MIB
