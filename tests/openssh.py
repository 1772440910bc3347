"""A real OpenSSH server on loopback for the tests: each connection is served by a `sshd -i` of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MISSING = (
    "there is no OpenSSH server (sshd) here: install Debian's openssh-server, and these tests run. Uploads "
    "were only tested against the simulated server"
)
_SETTINGS = """
HostKey {key}
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin yes
PubkeyAuthentication yes
PasswordAuthentication {passwords}
KbdInteractiveAuthentication no
LogLevel VERBOSE
MaxAuthTries 6
{subsystem}
"""


def install() -> None:
    """Install it where a build machine may (`CI`, root, apt); does nothing elsewhere."""
    if os.environ.get("CI") and os.getuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "openssh-server"]
        subprocess.run(command, check=False, capture_output=True, timeout=200)


class OpenSsh:
    """The server. `user` is who the tests run as; `key` that user's private key."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.user = getpass.getuser()
        self.sftp = True
        self.passwords = False
        self.host_key = self._generate("host_key", "ed25519")
        self._generate("login", "ed25519")
        self.key = (directory / "login").read_text()
        (directory / "authorized_keys").write_text((directory / "login.pub").read_text())
        self.incoming = directory / "incoming"
        self.incoming.mkdir()
        self._processes: list[subprocess.Popen[bytes]] = []
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd, as root, separates privileges
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, name="openssh", daemon=True).start()

    @property
    def public_host_key(self) -> str:
        """`ssh-ed25519 AAAA...`."""
        return " ".join(self.host_key.with_suffix(".pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        """What the servers have said."""
        return (self.directory / "log").read_text()

    def change_host_key(self, kind: str = "ed25519") -> None:
        """Another one, from the next connection on."""
        self.host_key = self._generate(f"host_key_{len(self._processes)}", kind)

    def stop(self) -> None:
        """End what was started."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
            process.wait(10)

    def _generate(self, name: str, kind: str) -> Path:
        path = self.directory / name
        command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return path

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, (self.directory / "log").open("ab") as log:
                self._processes.append(
                    subprocess.Popen(
                        [str(SSHD), "-i", "-e", "-f", str(self._configuration())],
                        stdin=connection.fileno(),
                        stdout=connection.fileno(),
                        stderr=log,
                    )
                )

    def _configuration(self) -> Path:
        path = self.directory / "sshd_config"
        subsystem = f"Subsystem sftp internal-sftp -d {self.directory}" if self.sftp else ""
        settings = _SETTINGS.format(
            key=self.host_key,
            directory=self.directory,
            passwords="yes" if self.passwords else "no",
            subsystem=subsystem,
        )
        path.write_text(settings)
        return path
