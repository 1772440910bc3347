"""`python -m local.generate [--check] [--into FOLDER]`.

The committed documents that the code generates, written or compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "slew"), str(ROOT / "functions")]

from local import catalogue, openapi  # noqa: E402


def main(arguments: list[str]) -> int:
    """Write the documents; with `--check` only compare, and answer 1 if one is out of date."""
    parser = argparse.ArgumentParser("python -m local.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--into", type=Path, default=ROOT / "functions" / "queries", help="where they are")
    options = parser.parse_args(arguments)
    stale = []
    for name, document in (("catalogue.json", catalogue.catalogue()), ("openapi.json", openapi.document())):
        path = options.into / name
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
        if not options.check:
            path.write_text(text, encoding="utf-8")
    for each in stale:
        print(f"{each} {'is out of date: run make generate' if options.check else 'written'}")
    return int(bool(stale) and options.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
