"""The simulated SSH server by itself: logins, the exchange of scp, what it refuses."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import paramiko
import pytest
import requests

from local.simulators.mma import SSH_PASSWORD, SSH_USER, MmaServer

INCOMING = "/data/too/incoming"


@pytest.fixture
def mma() -> Iterator[MmaServer]:
    server = MmaServer()
    server.clock.advance(datetime(2026, 8, 21, 20, tzinfo=UTC).timestamp() - server.clock.time())
    server.start()
    yield server
    server.stop()


def configure(mma: MmaServer, route: str = "_config", **settings: Any) -> requests.Response:
    return requests.post(f"{mma.url}/{route}", json=settings, timeout=10)


# -- SSH


def transport(mma: MmaServer) -> paramiko.Transport:
    assert mma.extra_urls() == {"ssh": f"ssh://127.0.0.1:{mma.ssh.port}"}
    found = paramiko.Transport(socket.create_connection(("127.0.0.1", mma.ssh.port), timeout=10))
    found.start_client(timeout=10)
    return found


@pytest.fixture
def login(mma: MmaServer) -> Iterator[paramiko.Transport]:
    found = transport(mma)
    found.auth_password(SSH_USER, SSH_PASSWORD)
    yield found
    found.close()


def run(login: paramiko.Transport, command: str, *said: bytes) -> bytes:
    """What a program answers to what it is told, one answer a piece."""
    channel = login.open_session(timeout=10)
    channel.settimeout(10)
    channel.exec_command(command)
    answers = b""
    for piece in said:
        channel.sendall(piece)
        answers += channel.recv(1000)
    answers += channel.recv(1000)
    channel.close()
    return answers


@pytest.mark.parametrize(
    ("user", "password"), [(SSH_USER, "wrong"), ("nobody", SSH_PASSWORD), (SSH_USER, "")]
)
def test_who_may_log_in(mma: MmaServer, user: str, password: str) -> None:
    connection = transport(mma)
    with pytest.raises(paramiko.AuthenticationException):
        connection.auth_password(user, password)
    connection.close()


def test_the_exchange_of_scp_as_observed(mma: MmaServer, login: paramiko.Transport) -> None:
    channel = login.open_session(timeout=10)
    channel.settimeout(10)
    channel.exec_command(f"scp -t {INCOMING}/ToO_one.json")
    assert channel.recv(1) == b"\0"
    channel.sendall(b"C0600 5 tmpsizvccwn\n")
    assert channel.recv(1) == b"\0"
    channel.sendall(b"hello\0")
    assert channel.recv(1) == b"\0"
    assert channel.recv_exit_status() == 0
    [file] = requests.get(f"{mma.url}/_files", timeout=10).json()
    assert file == {"path": f"{INCOMING}/ToO_one.json", "mode": "0600", "content": "hello", "by": "scp"}
    assert requests.delete(f"{mma.url}/_files", params={"path": file["path"]}, timeout=10).json() == {
        "removed": True
    }
    assert requests.get(f"{mma.url}/_files", timeout=10).json() == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/data/nowhere/x", "No such file or directory"),
        ("/data/readonly/x", "Permission denied"),
    ],
)
def test_places_that_are_refused(login: paramiko.Transport, path: str, said: str) -> None:
    answer = run(login, f"scp -t {path}", b"C0644 5 x\n")
    assert answer == b"\0" + f"\1scp: {path}: {said}\n".encode()


def test_a_line_that_is_no_offer(login: paramiko.Transport) -> None:
    assert b"\1scp: protocol error" in run(login, f"scp -t {INCOMING}/x", b"hello\n")


def test_a_switch_of_what_is_offered(mma: MmaServer, login: paramiko.Transport) -> None:
    assert paramiko.SFTPClient.from_transport(login) is not None
    configure(mma, "_ssh", sftp=False, scp=False)
    other = transport(mma)
    other.auth_password(SSH_USER, SSH_PASSWORD)
    with pytest.raises(paramiko.SSHException):
        paramiko.SFTPClient.from_transport(other)
    channel = other.open_session(timeout=10)
    channel.exec_command(f"scp -t {INCOMING}/x")
    assert channel.recv_exit_status() == 127
    other.close()


def test_a_connection_is_cut(mma: MmaServer, login: paramiko.Transport) -> None:
    configure(mma, "_ssh", cut_after=3)
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        run(login, f"scp -t {INCOMING}/x", b"C0644 5 x\n", b"hello", b"\0")
    login.join(10)
    assert not login.is_active()
    assert mma.ssh.disk.files[f"{INCOMING}/x"].content == b"hel"


def test_reset_forgets(mma: MmaServer) -> None:
    mma.ssh.disk.create(f"{INCOMING}/x", "sftp")
    key = mma.ssh.host_key
    requests.post(f"{mma.url}/_reset", timeout=10)
    assert mma.ssh.disk.files == {}
    assert mma.ssh.host_key != key
