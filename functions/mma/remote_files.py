"""Files on a receiver's machine: by SFTP where it is offered, else by the old scp protocol (card mma.md)."""

from __future__ import annotations

import contextlib
import errno
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import paramiko

from mma.ssh import STEP_TIMEOUT_S, Lost, words
from slew.errors import Rejected
from slew.pages import for_people

LARGEST = 64 * 1024 * 1024
_WORDS, _WORDS_READ = 1000, 64 * 1024  # of what a server says, what is kept, and read so that it is whole
_MISSING = "No such file or directory"


class Files(Protocol):
    """What is done with files; each raises Rejected in the server's words, or Lost.

    `protocol`: how, as people call it.
    """

    protocol: str

    def read(self, path: str) -> bytes | None:
        """A file's content; None where there is none."""

    def size(self, path: str) -> int | None:
        """A file's size in bytes; None where there is none."""

    def write(self, path: str, body: bytes, mode: int) -> None:
        """Write a file anew."""

    def move(self, path: str, to: str, *, over: bool) -> bool:
        """Rename a file, over another one if `over`. False where the server offers no renaming."""

    def remove(self, path: str) -> bool:
        """Remove a file; False where there is none."""

    def names(self, directory: str) -> list[dict[str, Any]] | None:
        """`name`, `size` (bytes), `modified` (Unix seconds) of the files; None where nothing lists them."""


def open_files(transport: paramiko.Transport) -> Files:
    """SFTP, or scp where the server has not got it. Raises Lost."""
    try:
        client = paramiko.SFTPClient.from_transport(transport)
    except (paramiko.SSHException, EOFError, OSError) as error:
        if not transport.is_active():
            raise Lost(words(error)) from None
        return Scp(transport)
    if client is None:
        raise Lost("no channel")
    channel = client.get_channel()
    if channel is not None:
        channel.settimeout(STEP_TIMEOUT_S)
    return Sftp(transport, client)


class Sftp:
    """The SFTP subsystem."""

    protocol = "sftp"

    def __init__(self, transport: paramiko.Transport, client: paramiko.SFTPClient) -> None:
        self._transport = transport
        self._client = client

    def read(self, path: str) -> bytes | None:
        """See `Files`."""
        with self._told(path), self._client.open(path, "rb") as file:
            file.prefetch()
            return file.read(LARGEST)
        return None

    def size(self, path: str) -> int | None:
        """See `Files`."""
        with self._told(path):
            return self._client.stat(path).st_size
        return None

    def write(self, path: str, body: bytes, mode: int) -> None:
        """See `Files`."""
        try:
            with self._client.open(path, "wb") as file:
                file.set_pipelined(True)
                file.write(body)
            with contextlib.suppress(PermissionError):  # some servers let nobody set it
                self._client.chmod(path, mode)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._fail(path, error)

    def move(self, path: str, to: str, *, over: bool) -> bool:
        """See `Files`."""
        try:
            if not over:
                self._client.rename(path, to)
                return True
            try:
                self._client.posix_rename(path, to)
            except OSError:
                self._require_open()
                self._client.remove(to)
                self._client.rename(path, to)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._fail(to, error)
        return True

    def remove(self, path: str) -> bool:
        """See `Files`."""
        with self._told(path):
            self._client.remove(path)
            return True
        return False

    def names(self, directory: str) -> list[dict[str, Any]] | None:
        """See `Files`."""
        try:
            found = self._client.listdir_attr(directory)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._fail(directory, error)
        return [
            {"name": each.filename, "size": each.st_size, "modified": each.st_mtime}
            for each in found
            if not stat.S_ISDIR(each.st_mode or 0)
        ]

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Passes over a file that is not there."""
        try:
            yield
        except FileNotFoundError:
            return
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._fail(path, error)

    def _require_open(self) -> None:
        if not self._transport.is_active():
            raise EOFError("connection lost")

    def _fail(self, path: str, error: BaseException) -> NoReturn:
        broken = isinstance(error, paramiko.SSHException | EOFError | TimeoutError | ConnectionError)
        if broken or not self._transport.is_active():
            raise Lost(words(error)) from None
        said = _MISSING if isinstance(error, FileNotFoundError) else words(error)
        if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EACCES:
            said = "Permission denied"
        raise Rejected(f"{path}: {said}") from None


class Scp:
    """`scp -t` and `scp -f`, and `mv` and `rm` where the server lets them run."""

    protocol = "scp"

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport

    def read(self, path: str) -> bytes | None:
        """See `Files`."""
        with self._run(f"scp -f {shlex.quote(path)}") as channel:
            size = _offered(channel)
            if size is None:
                return None
            if size > LARGEST:
                raise Rejected(f"{path}: is over {LARGEST} bytes")
            channel.sendall(b"\0")
            content = _exactly(channel, size)
            channel.sendall(b"\0")
            return content

    def size(self, path: str) -> int | None:
        """See `Files`: the server offers a file with its size, and the offer is not taken."""
        with self._run(f"scp -f {shlex.quote(path)}") as channel:
            return _offered(channel)

    def write(self, path: str, body: bytes, mode: int) -> None:
        """See `Files`: the exchange of the card, each part acknowledged."""
        name = path.rpartition("/")[2]
        with self._run(f"scp -t {shlex.quote(path)}") as channel:
            _acknowledged(channel)
            channel.sendall(f"C{mode:04o} {len(body)} {name}\n".encode())
            _acknowledged(channel)
            channel.sendall(body)
            channel.sendall(b"\0")
            _acknowledged(channel)
            channel.shutdown_write()
            status = channel.recv_exit_status() if channel.status_event.wait(STEP_TIMEOUT_S) else 0
            if status not in (0, -1):
                raise Rejected(f"{path}: scp ended with status {status}")

    def move(self, path: str, to: str, *, over: bool) -> bool:
        """See `Files`."""
        return self._done(f"mv -f -- {shlex.quote(path)} {shlex.quote(to)}")

    def remove(self, path: str) -> bool:
        """See `Files`."""
        if self.size(path) is None:
            return False
        if not self._done(f"rm -f -- {shlex.quote(path)}"):
            raise Rejected(f"{path}: the server runs no rm")
        return True

    def names(self, directory: str) -> list[dict[str, Any]] | None:
        """See `Files`: scp has no listing."""
        return None

    def _done(self, command: str) -> bool:
        with self._run(command) as channel:
            if not channel.status_event.wait(STEP_TIMEOUT_S):
                raise Lost(f"{command.partition(' ')[0]} did not end")
            status = channel.recv_exit_status()
            if status == -1:
                raise Lost(f"{command.partition(' ')[0]} ended without a status")
            return status == 0

    @contextmanager
    def _run(self, command: str) -> Iterator[paramiko.Channel]:
        channel = None
        try:
            channel = self._transport.open_session(timeout=STEP_TIMEOUT_S)
            channel.settimeout(STEP_TIMEOUT_S)
            channel.exec_command(command)
            yield channel
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._fail(command.partition(" ")[0], channel, error)
        finally:
            if channel is not None:
                channel.close()

    def _fail(self, program: str, channel: paramiko.Channel | None, error: Exception) -> NoReturn:
        """A program that ended early has said why; a connection that broke has not."""
        if not self._transport.is_active() or isinstance(error, TimeoutError):
            raise Lost(words(error)) from None
        if channel is None or isinstance(error, paramiko.SSHException):
            raise Rejected(f"the server runs no {program}: {words(error)}") from None
        if not channel.status_event.wait(STEP_TIMEOUT_S):
            raise Lost(words(error)) from None
        said = for_people(channel.recv_stderr(_WORDS_READ).decode("utf-8", "replace"), _WORDS)
        status = channel.recv_exit_status()
        raise Rejected(f"{program} ended with status {status}" + (f": {said}" if said else "")) from None


def _offered(channel: paramiko.Channel) -> int | None:
    """The size in an offer, `C0644 439 name`; None for a file that is not there."""
    channel.sendall(b"\0")
    first = _exactly(channel, 1)
    line = _line(channel)
    if first == b"C":
        parts = line.split(" ", 2)
        if len(parts) == 3 and parts[1].isascii() and parts[1].isdigit():
            return int(parts[1])
    if _MISSING in line:
        return None
    raise Rejected(for_people(line, _WORDS) or "scp gave no answer that can be read")


def _acknowledged(channel: paramiko.Channel) -> None:
    first = _exactly(channel, 1)
    if first != b"\0":
        line = _line(channel)
        said = line if first in b"\1\2" else first.decode("latin-1") + line
        raise Rejected(for_people(said, _WORDS) or "scp failed")


def _exactly(channel: paramiko.Channel, size: int) -> bytes:
    parts, left = [], size
    while left:
        part = channel.recv(min(left, 1 << 20))
        if not part:
            raise EOFError("connection closed")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _line(channel: paramiko.Channel) -> str:
    found = b""
    while len(found) < _WORDS_READ:
        part = channel.recv(1)
        if part in (b"", b"\n"):
            break
        found += part
    return found.decode("utf-8", "replace").strip()
