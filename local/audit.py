"""`python -m local.audit`: whether a locked dependency has a known vulnerability.

Every requirement file with hashes is put to OSV by pip-audit. Exits 1 where one is known. Where the auditor
or the service cannot be had, it says that nothing was audited, and exits 0: a machine without a network is
no failure of the code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".slew" / "uv" / "bin" / "uv"
AUDITOR = "pip-audit==2.9.0"
TIMEOUT_S = 300.0
# Known vulnerabilities that do not concern us, each with the reason: {"PYSEC-...": "why"}.
ACCEPTED: dict[str, str] = {}

Runner = Callable[[Path], str]


class NotAudited(Exception):
    """The auditor or its service could not be had; the text says why."""


def files(root: Path = ROOT) -> list[Path]:
    """The requirement files that are locked: with a hash for each distribution."""
    patterns = ("requirements/*.txt", "layers/*/requirements.txt", "functions/*/requirements.txt")
    return sorted(path for pattern in patterns for path in root.glob(pattern))


def ask(path: Path) -> str:
    """What the auditor has found out, as JSON. Raises NotAudited."""
    command = [
        *(str(UV), "tool", "run", "--quiet", "--from", AUDITOR, "pip-audit"),
        *("--requirement", str(path), "--disable-pip", "--require-hashes"),
        *(
            "--vulnerability-service",
            "osv",
            "--format",
            "json",
            "--progress-spinner",
            "off",
            "--timeout",
            "15",
        ),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotAudited(type(error).__name__) from None
    if not done.stdout.lstrip().startswith("{"):
        told = [line for line in done.stderr.splitlines() if line.strip()]
        raise NotAudited(told[-1][:120] if told else f"exit {done.returncode}")
    return done.stdout


def found(report: str) -> list[str]:
    """The vulnerabilities of a report that are not accepted, one line each."""
    document: dict[str, Any] = json.loads(report)
    return [
        f"{each['name']} {each['version']}: {known['id']}"
        + (f" (mended in {', '.join(known['fix_versions'])})" if known.get("fix_versions") else "")
        for each in document["dependencies"]
        for known in each.get("vulns", [])
        if not {known["id"], *known.get("aliases", [])} & set(ACCEPTED)
    ]


def audit(paths: Sequence[Path], run: Runner = ask) -> int:
    """Audit the files and tell; the exit code."""
    bad = audited = 0
    for path in paths:
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        try:
            lines = found(run(path))
        except NotAudited as error:
            print(f"{name}: NOT AUDITED ({error})")
            continue
        audited += 1
        bad += len(lines)
        print(f"{name}: {'no known vulnerability' if not lines else ''}")
        for line in lines:
            print(f"  {line}")
    if not audited:
        print("Nothing was audited: neither the auditor nor OSV can be reached from here.")
    elif audited < len(paths):
        print(f"Only {audited} of {len(paths)} files were audited.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(audit(files()))
