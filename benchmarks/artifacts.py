"""What is measured: packages and layer as `sam build` makes them, for this machine and Python 3.13."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.stack import ROOT

WORKDIR = ROOT / ".slew" / "bench"
WANTED = "3.13"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_UV = ROOT / ".slew" / "uv" / "bin" / "uv"
_BUILD = WORKDIR / "build"
_COMPILE = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")


@dataclass(frozen=True)
class Artifacts:
    """`python` has awslambdaric and boto3, as Lambda's runtime; `handlers` are the floors and the probe."""

    python: Path
    version: str
    template: Path
    layer: Path
    handlers: Path

    def package(self, function: str) -> Path:
        """A function's package, without the layer."""
        return _BUILD / function


def prepare() -> Artifacts:
    """Build everything. Raises SystemExit with the output of the tool that failed."""
    WORKDIR.mkdir(parents=True, exist_ok=True)
    interpreter = _interpreter()
    version = _output(interpreter, "-c", "import platform; print(platform.python_version())")
    _build()
    layer = _BUILD / "SlewLayer" / "python"
    if not version.startswith(f"{WANTED}.") or sys.platform != "linux":
        _adapt(layer, interpreter)
    handlers = WORKDIR / "handlers"
    shutil.rmtree(handlers, ignore_errors=True)
    shutil.copytree(ROOT / "benchmarks" / "handlers", handlers, ignore=shutil.ignore_patterns("__pycache__"))
    _run(interpreter, *_COMPILE, str(handlers))
    return Artifacts(_runtime(interpreter), version, _BUILD / "template.yaml", layer, handlers)


def size(directory: Path) -> int:
    """Bytes of the files in a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def _interpreter() -> str:
    """A Python 3.13 that really runs: a shim on PATH may name one it cannot find. Else this Python."""
    for candidate in _candidates():
        command = [candidate, "-c", "import sys; print(sys.executable)"]
        found = subprocess.run(command, capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.strip()
    return sys.executable


def _candidates() -> Iterator[str]:
    if found := shutil.which(f"python{WANTED}"):
        yield found
    yield from map(str, Path.home().glob(f".pyenv/versions/{WANTED}.*/bin/python{WANTED}"))
    command = [str(_UV), "python", "find", "--no-python-downloads", WANTED]
    managed = subprocess.run(command, capture_output=True, text=True)
    if managed.returncode == 0:
        yield managed.stdout.strip()


def _build() -> None:
    architecture = _ARCHITECTURES[platform.machine().lower()]
    tools = [str(Path(sys.executable).parent), str(_UV.parent)]
    environment = {
        **os.environ,
        "ARCHITECTURE": architecture,
        "SAM_CLI_TELEMETRY": "0",
        "PATH": os.pathsep.join([*tools, os.environ["PATH"]]),
    }
    template = ["--template-file", str(ROOT / "template.yaml"), "--build-dir", str(_BUILD)]
    parameters = ["--parameter-overrides", f"Architecture={architecture}"]
    _run("sam", "build", *template, *parameters, environment=environment)


def _adapt(layer: Path, interpreter: str) -> None:
    """The same pins for this machine's Python, which is not the one that the layer was packed for."""
    requirements = str(ROOT / "layers" / "slew" / "requirements.txt")
    target = ["--python", interpreter, "--target", str(layer), "--reinstall"]
    _uv("pip", "install", "--require-hashes", *target, "-r", requirements)
    _run(interpreter, *_COMPILE, str(_BUILD))


def _runtime(interpreter: str) -> Path:
    """An environment with what Lambda's own runtime holds, at the pinned versions."""
    directory = WORKDIR / "venv"
    python = directory / "bin" / "python"
    pins = ["-c", str(ROOT / "requirements" / "local.txt")]
    _uv("venv", "--clear", "--python", interpreter, str(directory))
    _uv("pip", "install", "--python", str(python), "--compile-bytecode", *pins, "awslambdaric", "boto3")
    return python


def _uv(*arguments: str) -> None:
    # VIRTUAL_ENV, which make sets, is another environment than the one meant here.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    _run(str(_UV), *arguments, environment=environment)


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    environment = dict(os.environ if environment is None else environment)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    if done.returncode:
        raise SystemExit(f"{Path(command[0]).name} {command[1]} failed:\n{done.stdout}{done.stderr}")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
