"""Puts the Observation Portal into a virtual environment of its own.

The portal is GPL-3.0 software: it is installed from the package index, run in its own process and spoken to
by HTTP, never imported here. ``requirements.txt`` is made by ``uv pip compile --universal --generate-hashes
--no-deps --no-annotate --no-header --no-emit-index-url`` from the pins.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
REQUIREMENTS = HERE / "requirements.txt"
_INSTALL_TIMEOUT_S = 240


class Unavailable(Exception):
    """The portal's packages cannot be installed here; the text says why."""


def home() -> Path:
    """Where environments and seeded databases are kept: ``SLEW_PORTAL_HOME``, or ``.slew/portal``."""
    return Path(os.environ.get("SLEW_PORTAL_HOME") or REPOSITORY / ".slew" / "portal")


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds ``<home>/<name>.lock``, so that of several test processes one does the work and the rest wait."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python() -> Path:
    """The interpreter of the portal's environment, which is made if there is none for these requirements.

    Raises Unavailable.
    """
    base = _base_interpreter()
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + base.encode()).hexdigest()[:12]
    environment = home() / f"venv-{key}"
    interpreter = environment / "bin" / "python"
    complete = environment / "complete"
    with locked("install"):
        if not complete.exists():
            shutil.rmtree(environment, ignore_errors=True)
            _install(base, environment, interpreter)
            complete.touch()
    return interpreter


def _base_interpreter() -> str:
    """Python 3.11 if at hand: the portal's metadata asks for less than 3.12, though it runs on 3.13 too."""
    if sys.version_info[:2] == (3, 11):
        return getattr(sys, "_base_executable", sys.executable)
    found = shutil.which("python3.11")
    # A version manager's shim is found even where it has no such version to run.
    return found if found and _is_3_11(found) else getattr(sys, "_base_executable", sys.executable)


def _install(base: str, environment: Path, interpreter: Path) -> None:
    uv = _uv()
    # --no-deps: the list is complete, and the portal's own asks for packages that need a compiler.
    wanted = ["--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)]
    if uv and _is_3_11(base):
        _run([uv, "venv", "-q", "--python", base, str(environment)])
        _run([uv, "pip", "install", "-q", "--python", str(interpreter), *wanted])
    else:
        _run([base, "-m", "venv", str(environment)])
        _run([str(interpreter), "-m", "pip", "install", "-q", "--ignore-requires-python", *wanted])


def _uv() -> str | None:
    own = REPOSITORY / ".slew" / "uv" / "bin" / "uv"
    return str(own) if own.exists() else shutil.which("uv")


def _is_3_11(interpreter: str) -> bool:
    answer = subprocess.run([interpreter, "--version"], capture_output=True, text=True, check=False)
    return answer.stdout.startswith("Python 3.11.")


def _run(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:4])} ...: {done.stderr.strip()[-2000:]}")
