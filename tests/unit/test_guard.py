"""Hosts that a user's URL may not name."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from slew import guard
from slew.errors import Failed, NotSent
from slew.http import Http
from slew.redact import Redactor
from slew.wire import HttpRequest


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://10.0.0.8/x",
        "https://172.16.1.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://0.0.0.0/",
        "https://[fec0::1]/",
        "https://[::127.0.0.1]/",
        "https://[::7f00:1]/",
        "https://[5f00::1]/",
        "https://192.0.0.192/",
        "https://168.63.129.16/",
        "https://192.88.99.1/",
        "https://8.8.8.8:0/",
        "https://[::]/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "http://8.8.8.8/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "https://user:password@8.8.8.8/",
        "https://user@8.8.8.8/",
        "https://8.8.8.8/#fragment",
        "https://8.8.8.8\\@127.0.0.1/",
        "https://8.8.8.8/a b",
        "https:///nohost",
        "//8.8.8.8/",
        "8.8.8.8",
        "https://8.8.8.8:99999/",
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises((guard.Refused, NotSent)) as caught:
        guard.resolve(url)
    if "0x7f" not in url and "2130706433" not in url and "0177" not in url and "127.1/" not in url:
        assert isinstance(caught.value, guard.Refused)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "127\u30020\u30020\u30021",
        "\uff11\uff12\uff17.0.0.1",
        "169.254.169.254.",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1%25eth0]",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
    ],
)
def test_an_address_inside_is_refused_before_it_is_kept(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Destinations that are called much later are checked when they are given, without a resolver."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("resolved"))
    with pytest.raises(guard.Refused, match="not public"):
        guard.check_form(f"https://{host}/")
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.0/8,localhost,2001:db8::/32")
    assert guard.check_form("https://8.8.8.8/").hostname == "8.8.8.8"
    assert guard.check_form("http://127.1:8080/").port == 8080


def test_a_public_address_is_pinned() -> None:
    assert guard.resolve("https://8.8.8.8:8443/x").addresses == ("8.8.8.8",)


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.1:8443", "127.0.0.0/8", "x.example,127.0.0.1"])
def test_the_deployments_allow_list(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", entry)
    assert guard.resolve("http://127.0.0.1:8443/").addresses == ("127.0.0.1",)
    with pytest.raises(guard.Refused):
        guard.resolve("https://10.0.0.1/")
    if ":" in entry:
        with pytest.raises(guard.Refused):
            guard.resolve("http://127.0.0.1:8080/")


def test_one_private_address_among_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, 1, 6, "", ("8.8.8.8", 443)), (socket.AF_INET, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(guard.Refused, match=r"10\.0\.0\.1"):
        guard.resolve("https://rebind.example/")


def test_a_name_that_changes_after_the_check_does_not_move_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def public_once(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        assert len(asked) == 1, "the name must be resolved once"
        return [(socket.AF_INET, 1, 6, "", ("203.0.113.7", 443))]

    connected: list[Any] = []

    def connect(address: Any, **_: Any) -> Any:
        connected.append(address)
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", public_once)
    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(
        guard, "_public", lambda _: True
    )  # 203.0.113.0/24 is for documentation, and not public
    with pytest.raises(NotSent):
        Http(Redactor()).send(HttpRequest("POST", "https://rebind.example/", untrusted=True))
    assert connected == [("203.0.113.7", 443)]


def test_the_session_refuses_before_anything_is_marked_as_sent() -> None:
    marked: list[bool] = []
    http = Http(Redactor(), lambda: marked.append(True))
    with pytest.raises(Failed, match="not public"):
        http.send(HttpRequest("POST", "https://10.0.0.1/", untrusted=True))
    assert marked == []
