"""The SSH server's disk: directories that are there from the start, and the files that are written."""

from __future__ import annotations

import errno
import posixpath
import threading
from dataclasses import dataclass, field

from local.simulators.base import JSON

HOME = "/home/too"
DIRECTORIES = {
    "/": False,
    "/data": False,
    "/data/too": False,
    "/data/too/incoming": True,
    "/data/readonly": False,
}
MOST_BYTES = 256 * 1024 * 1024


class DiskError(Exception):
    """What the operating system refuses; `code` is its errno."""

    def __init__(self, code: int) -> None:
        super().__init__(WORDS[code])
        self.code = code


WORDS = {
    errno.ENOENT: "No such file or directory",
    errno.EACCES: "Permission denied",
    errno.ENOSPC: "No space left on device",
    errno.EEXIST: "Failure",
    errno.EISDIR: "Is a directory",
}


@dataclass
class StoredFile:
    """A file; `by` is how it came, `sftp` or `scp`."""

    content: bytes = b""
    mode: int = 0o644
    by: str = ""


@dataclass
class Disk:
    """Files by absolute path. `directories` says of each whether it can be written to.

    `moved`: where files were renamed to, one after another.
    """

    files: dict[str, StoredFile] = field(default_factory=dict)
    directories: dict[str, bool] = field(
        default_factory=lambda: {**DIRECTORIES, HOME: True, f"{HOME}/plans": True}
    )
    full: bool = False
    moved: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def absolute(self, path: str) -> str:
        """A path as the user's shell would take it."""
        return posixpath.normpath(posixpath.join(HOME, path))

    def find(self, path: str) -> StoredFile:
        """A file that is there. Raises DiskError."""
        where = self.absolute(path)
        if where in self.directories:
            raise DiskError(errno.EISDIR)
        if where not in self.files:
            raise DiskError(errno.ENOENT)
        return self.files[where]

    def create(self, path: str, by: str, mode: int = 0o644) -> StoredFile:
        """An empty file, in the place of what was there. Raises DiskError."""
        where = self._writable(path)
        if self.full:
            raise DiskError(errno.ENOSPC)
        with self.lock:
            self.files[where] = StoredFile(mode=mode, by=by)
            return self.files[where]

    def move(self, path: str, to: str, *, over: bool) -> None:
        """Rename a file. Raises DiskError."""
        with self.lock:
            self.find(path)
            source, target = self._writable(path), self._writable(to)
            if target in self.files and not over:
                raise DiskError(errno.EEXIST)
            self.files[target] = self.files.pop(source)
            self.moved.append(target)

    def remove(self, path: str) -> None:
        """Remove a file. Raises DiskError."""
        with self.lock:
            self.find(path)
            del self.files[self._writable(path)]

    def take(self, path: str) -> bool:
        """What the telescope's poller does with a file."""
        with self.lock:
            return self.files.pop(self.absolute(path), None) is not None

    def listed(self, directory: str) -> dict[str, StoredFile]:
        """The files of a directory by name. Raises DiskError."""
        where = self.absolute(directory)
        if where not in self.directories:
            raise DiskError(errno.ENOENT)
        with self.lock:
            return {
                posixpath.basename(path): file
                for path, file in self.files.items()
                if posixpath.dirname(path) == where
            }

    def shown(self) -> list[JSON]:
        """All files, as a control route tells of them."""
        with self.lock:
            return [
                {"path": path, "mode": f"{file.mode:04o}", "content": file.content.decode(), "by": file.by}
                for path, file in sorted(self.files.items())
            ]

    def _writable(self, path: str) -> str:
        where = self.absolute(path)
        directory = posixpath.dirname(where)
        if directory not in self.directories:
            raise DiskError(errno.ENOENT)
        if where in self.directories:
            raise DiskError(errno.EISDIR)
        if not self.directories[directory]:
            raise DiskError(errno.EACCES)
        return where
