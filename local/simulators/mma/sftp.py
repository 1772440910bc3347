"""The SFTP subsystem of the SSH server, over its disk."""

from __future__ import annotations

import errno
import functools
import os
import stat
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.sftp import SFTP_FAILURE, SFTP_NO_SUCH_FILE, SFTP_OK, SFTP_PERMISSION_DENIED

from local.simulators.mma.disk import DiskError, StoredFile

if TYPE_CHECKING:
    from local.simulators.mma.ssh import SshServer

_CODES = {errno.ENOENT: SFTP_NO_SUCH_FILE, errno.EACCES: SFTP_PERMISSION_DENIED}


class Subsystem(paramiko.SFTPServer):
    """Tells its files which server they are of."""

    def __init__(self, channel: paramiko.Channel, name: str, server: Any, *args: Any, **kwargs: Any) -> None:
        state = kwargs.pop("server_state")
        files = functools.partial(VirtualFiles, server_state=state, transport=channel.get_transport())
        super().__init__(channel, name, server, files, *args, **kwargs)  # type: ignore[arg-type]


class VirtualFiles(paramiko.SFTPServerInterface):
    """Operations on files."""

    def __init__(self, server: Any, *, server_state: SshServer, transport: paramiko.Transport) -> None:
        super().__init__(server)
        self._state = server_state
        self._transport = transport

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        try:
            if flags & (os.O_WRONLY | os.O_RDWR):
                file = self._state.disk.create(path, "sftp")
            else:
                file = self._state.disk.find(path)
        except DiskError as error:
            return _code(error)
        return _Handle(file, flags, self._state, self._transport)

    def stat(self, path: str) -> Any:
        try:
            return _attributes(self._state.disk.find(path))
        except DiskError as error:
            if error.code != errno.EISDIR:
                return _code(error)
        found = paramiko.SFTPAttributes()
        found.st_mode = stat.S_IFDIR | 0o755
        return found

    lstat = stat

    def list_folder(self, path: str) -> Any:
        try:
            listed = self._state.disk.listed(path)
        except DiskError as error:
            return _code(error)
        return [_attributes(file, name) for name, file in listed.items()]

    def rename(self, oldpath: str, newpath: str) -> int:
        return self._move(oldpath, newpath, over=False)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._move(oldpath, newpath, over=True)

    def remove(self, path: str) -> int:
        try:
            self._state.disk.remove(path)
        except DiskError as error:
            return _code(error)
        return SFTP_OK

    def chattr(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        try:
            file = self._state.disk.find(path)
        except DiskError as error:
            return _code(error)
        if attr.st_mode is not None:
            file.mode = attr.st_mode & 0o777
        return SFTP_OK

    def canonicalize(self, path: str) -> str:
        return self._state.disk.absolute(path)

    def _move(self, path: str, to: str, *, over: bool) -> int:
        if self._state.cuts_renaming("before", self._transport):
            return SFTP_FAILURE
        try:
            self._state.disk.move(path, to, over=over)
        except DiskError as error:
            return _code(error)
        self._state.cuts_renaming("after", self._transport)
        return SFTP_OK


class _Handle(paramiko.SFTPHandle):
    def __init__(self, file: StoredFile, flags: int, state: SshServer, transport: paramiko.Transport) -> None:
        super().__init__(flags)
        self._file = file
        self._state = state
        self._transport = transport

    def write(self, offset: int, data: Any) -> int:
        data = data[: self._state.cut_after]
        self._file.content = self._file.content[:offset].ljust(offset, b"\0") + data
        self._state.count(len(data), self._transport)
        return SFTP_OK

    def read(self, offset: int, length: int) -> bytes:
        return self._file.content[offset : offset + length]

    def stat(self) -> Any:
        return _attributes(self._file)

    def chattr(self, attr: paramiko.SFTPAttributes) -> int:
        if attr.st_mode is not None:
            self._file.mode = attr.st_mode & 0o777
        return SFTP_OK


def _attributes(file: StoredFile, name: str = "") -> paramiko.SFTPAttributes:
    found = paramiko.SFTPAttributes()
    found.filename = name
    found.st_mode = stat.S_IFREG | file.mode
    found.st_size = len(file.content)
    found.st_mtime = found.st_atime = 0
    return found


def _code(error: DiskError) -> int:
    """SFTP's code; most of the operating system's words have none and become `Failure`."""
    return _CODES.get(error.code, SFTP_FAILURE)
