"""What runs on the SSH server: `scp -t`, `scp -f`, `mv`, `rm` (card mma.md, the exchange as observed)."""

from __future__ import annotations

import contextlib
import posixpath
import re
import shlex
from typing import TYPE_CHECKING

import paramiko

from local.simulators.mma.disk import DiskError

if TYPE_CHECKING:
    from local.simulators.mma.ssh import SshServer

_OFFER = re.compile(rb"C([0-7]{4}) ([0-9]+) ([^/\n]+)\n")


def run(server: SshServer, transport: paramiko.Transport, channel: paramiko.Channel, command: str) -> None:
    """Run a command line in a channel, and tell its exit status."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        channel.settimeout(30)
        words = shlex.split(command)
        status = _program(server, transport, channel, words)
        if status is not None:
            channel.send_exit_status(status)
            channel.close()


def _program(
    server: SshServer, transport: paramiko.Transport, channel: paramiko.Channel, words: list[str]
) -> int | None:
    """The exit status; None where the connection was cut."""
    match words:
        case ["scp", "-t", path] if server.scp:
            return _sink(server, transport, channel, path)
        case ["scp", "-f", path] if server.scp:
            return _source(server, channel, path)
        case ["mv", "-f", "--", path, to] if server.shell:
            return _moved(server, transport, channel, path, to)
        case ["rm", "-f", "--", path] if server.shell:
            with contextlib.suppress(DiskError):
                server.disk.remove(path)
            return 0
    channel.sendall_stderr(f"sh: {words[0]}: not found\n".encode())
    return 127


def _sink(
    server: SshServer, transport: paramiko.Transport, channel: paramiko.Channel, path: str
) -> int | None:
    """Take a file."""
    try:
        server.disk.absolute(path)
        channel.sendall(b"\0")
        offer = _line(channel)
        match = _OFFER.fullmatch(offer)
        if not match:
            channel.sendall(b"\1scp: protocol error: " + offer.rstrip(b"\n") + b"\n")
            return 1
        file = server.disk.create(path, "scp", int(match[1], 8) & ~0o022)
    except DiskError as error:
        channel.sendall(f"\1scp: {path}: {error}\n".encode())
        return 1
    channel.sendall(b"\0")
    left = int(match[2])
    while left:
        part = channel.recv(min(left, server.cut_after or 8192))
        if not part:
            return 1
        file.content += part
        left -= len(part)
        if not server.count(len(part), transport):
            return None
    if channel.recv(1) != b"\0":
        channel.sendall(b"\1scp: protocol error: expected 0\n")
        return 1
    channel.sendall(b"\0")
    return 0


def _source(server: SshServer, channel: paramiko.Channel, path: str) -> int:
    """Give a file."""
    if channel.recv(1) != b"\0":
        return 1
    try:
        file = server.disk.find(path)
    except DiskError as error:
        channel.sendall(f"\1scp: {path}: {error}\n".encode())
        return 1
    channel.sendall(f"C{file.mode:04o} {len(file.content)} {posixpath.basename(path)}\n".encode())
    if channel.recv(1) != b"\0":
        return 1
    channel.sendall(file.content + b"\0")
    return 0 if channel.recv(1) == b"\0" else 1


def _moved(
    server: SshServer, transport: paramiko.Transport, channel: paramiko.Channel, path: str, to: str
) -> int | None:
    if server.cuts_renaming("before", transport):
        return None
    try:
        server.disk.move(path, to, over=True)
    except DiskError as error:
        channel.sendall_stderr(f"mv: cannot move '{path}' to '{to}': {error}\n".encode())
        return 1
    return None if server.cuts_renaming("after", transport) else 0


def _line(channel: paramiko.Channel) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < 4096:
        part = channel.recv(1)
        if not part:
            break
        found += part
    return found
