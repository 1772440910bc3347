"""An SSH server with passwords, public keys, SFTP, `scp`, `mv` and `rm`, over a disk in memory."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from local.simulators.base import JSON
from local.simulators.mma import sftp
from local.simulators.mma.disk import Disk
from local.simulators.mma.programs import run

SSH_USER, SSH_PASSWORD = "too", "secret-of-the-dome"
_SWITCHES = ("sftp", "scp", "shell")
_SETTINGS = {*_SWITCHES, "cut_after", "new_host_key", "users", "keys", "full", "cut_renaming"}

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # clients that give up are part of the tests


class SshServer:
    """The server. `journal` holds logins and commands as they came."""

    def __init__(self) -> None:
        self.port = 0
        self._listener: socket.socket | None = None
        self._transports: list[paramiko.Transport] = []
        self.reset()

    def reset(self) -> None:
        """One user, an empty disk, everything offered."""
        self.disk = Disk()
        self.users = {SSH_USER: SSH_PASSWORD}
        self.keys: dict[str, set[str]] = {}
        self.sftp = self.scp = self.shell = True
        self.cut_after: int | None = None
        self.cut_renaming: str | None = None
        self.journal: list[JSON] = []
        self.host_key: paramiko.PKey = paramiko.ECDSAKey.generate()

    def change(self, wanted: JSON) -> str:
        """Settings, see `local.simulators.mma.server`; what is wrong with them, if anything."""
        if unknown := set(wanted) - _SETTINGS:
            return f"unknown settings: {', '.join(sorted(unknown))}"
        for name in _SWITCHES:
            setattr(self, name, bool(wanted.get(name, getattr(self, name))))
        self.cut_after = wanted.get("cut_after", self.cut_after)
        self.cut_renaming = wanted.get("cut_renaming", self.cut_renaming)
        self.disk.full = bool(wanted.get("full", self.disk.full))
        self.users.update(wanted.get("users", {}))
        for user, key in wanted.get("keys", {}).items():
            self.keys.setdefault(user, set()).add(key)
        if wanted.get("new_host_key"):
            self.host_key = paramiko.ECDSAKey.generate()
        return ""

    def note(self, what: str, **about: Any) -> None:
        """A line in the journal."""
        self.journal.append({"what": what, **about})

    def count(self, size: int, transport: paramiko.Transport) -> bool:
        """Count bytes of content; False once the connection has been cut."""
        if self.cut_after is None:
            return True
        self.cut_after -= size
        if self.cut_after > 0:
            return True
        self.cut_after = None
        self.note("cut")
        transport.close()
        return False

    def cuts_renaming(self, when: str, transport: paramiko.Transport) -> bool:
        """Whether the connection has just been cut, `before` or `after` the renaming."""
        if self.cut_renaming != when:
            return False
        self.cut_renaming = None
        self.note("cut")
        transport.close()
        return True

    # -- serving

    def start(self) -> int:
        """Listen on loopback; returns the port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(
            target=self._listen, args=[self._listener], name="simulator-mma-ssh", daemon=True
        ).start()
        return self.port

    def stop(self) -> None:
        """Hang up on everybody."""
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = _Transport(connection)
        transport.add_server_key(self.host_key)
        self._transports.append(transport)
        session = _Session(self, transport)
        if self.sftp:
            transport.set_subsystem_handler("sftp", sftp.Subsystem, server_state=self)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=session)


class _Transport(paramiko.Transport):
    """Begins a program only when the client has been told that it may: a quick one would end before that."""

    after_answer: Callable[[], None] | None = None

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        if self.after_answer and threading.current_thread() is self:
            program, self.after_answer = self.after_answer, None
            threading.Thread(target=program, daemon=True).start()


class _Session(paramiko.ServerInterface):
    """Who may log in, and what they may do."""

    def __init__(self, server: SshServer, transport: _Transport) -> None:
        self._server = server
        self._transport = transport

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        good = self._server.users.get(username) == password
        self._server.note("password", user=username, accepted=good)
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = f"{key.get_name()} {key.get_base64()}" in self._server.keys.get(username, set())
        self._server.note("publickey", user=username, accepted=good)
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        known = kind == "session"
        return OPEN_SUCCEEDED if known else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        line = command.decode()
        self._server.note("exec", command=line)
        self._transport.after_answer = lambda: run(self._server, self._transport, channel, line)
        return True
