"""`python -m local.generate [--check]`.

The committed documents that the code generates, written or compared.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "slew"), str(ROOT / "functions")]

from local import catalogue, openapi  # noqa: E402


def main(arguments: list[str]) -> int:
    """Write the documents; with `--check` only compare, and answer 1 if one is out of date."""
    stale = []
    for name, document in (("catalogue.json", catalogue.catalogue()), ("openapi.json", openapi.document())):
        path = ROOT / "functions" / "queries" / name
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT))
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    for each in stale:
        print(f"{each} {'is out of date: run make generate' if '--check' in arguments else 'written'}")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
