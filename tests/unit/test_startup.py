"""Every function's process collects garbage once it has begun to work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
PROGRAM = """
import gc, importlib, sys
app = importlib.import_module(sys.argv[1] + ".app")
assert not gc.isenabled()
try:
    app.handler({"Records": [], "headers": {}}, None)
except Exception:
    pass
assert gc.isenabled()
"""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_collector_is_off_while_it_starts_and_on_when_it_works(function: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'layers' / 'slew'}{os.pathsep}{ROOT / 'functions'}",
        "AWS_LAMBDA_FUNCTION_NAME": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, function],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
