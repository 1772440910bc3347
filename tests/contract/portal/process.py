"""The portal's processes: its management commands, and the server, in an environment of their own."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.contract.portal.install import HERE

_COMMAND_TIMEOUT_S = 120
# The server ends with us, even when we are killed: the pipe on its guard's standard input closes then.
_GUARD = 'exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read -r _ <&3; kill $p; } 2>/dev/null & wait $p'


class CommandFailed(Exception):
    """A management command of the portal ended with an error; the text is what it wrote."""


def environment(database: Path, configdb_url: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The portal's environment variables; ``settings`` are those of its own that differ from the default."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "DJANGO_SETTINGS_MODULE": "observation_portal.settings",
        "PYTHONPATH": str(HERE / "inside"),
        "PYTHONWARNINGS": "ignore",
        "PORTAL_SQLITE": str(database),
        "SECRET_KEY": "of the contract tests only",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "CONFIGDB_URL": configdb_url,
        "DOWNTIMEDB_URL": f"{configdb_url}/",
        # Nothing listens on port 9 (discard): telescope states are not part of the contract.
        "OPENSEARCH_URL": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        **settings,
    }


def command(python: Path, variables: Mapping[str, str], *arguments: str) -> None:
    """Run one management command. Raises CommandFailed."""
    done = subprocess.run(
        [str(python), "-m", "django", *arguments],
        env=dict(variables),
        cwd=Path(variables["PORTAL_SQLITE"]).parent,
        capture_output=True,
        text=True,
        timeout=_COMMAND_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise CommandFailed(f"{arguments[0]}: {done.stderr.strip()[-2000:]}")


class Server:
    """The portal's web server on a socket that we hold, so that it keeps its port over a restart."""

    def __init__(self, python: Path, log: Path) -> None:
        self._python, self._log = python, log
        self._socket = socket.create_server(("127.0.0.1", 0))
        # Above 9, the highest descriptor a shell's redirection can name: the guard's must not meet it.
        self._served = fcntl.fcntl(self._socket.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self, variables: Mapping[str, str]) -> None:
        """Start it; it takes requests some seconds later (until then they wait in the socket's queue)."""
        gunicorn = [
            *(str(self._python), "-m", "gunicorn", "--bind", f"fd://{self._served}"),
            *("--workers", "1", "--threads", "4", "--timeout", "120", "--graceful-timeout", "1"),
            "observation_portal.wsgi",
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "portal", *gunicorn],
                env={**variables, "OBSERVATION_PORTAL_BASE_URL": self.url},
                cwd=self._log.parent,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(self._served,),
            )

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    def log_tail(self) -> str:
        """The end of what the portal logged, for a failure's message."""
        return self._log.read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """Stop it and wait for its end; the socket stays ours."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process = None

    def close(self) -> None:
        """Stop it and give up the socket."""
        self.stop()
        os.close(self._served)
        self._socket.close()
