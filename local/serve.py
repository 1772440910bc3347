"""`python -m local.serve`: keep the stack up until Ctrl-C or SIGTERM, on port `SLEW_PORT` (8080).

Port 0 is a free one. Once it is ready, `serve.json` in the work directory (`SLEW_WORKDIR`, default `.slew`)
says where: `{"url", "token", "aws_endpoint", "simulators"}`, the last a map of name to URL.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from local.simulators.slack import SEEDED_HOOKS
from local.stack import ROOT, Stack

WORKDIR = Path(os.environ.get("SLEW_WORKDIR") or ROOT / ".slew").resolve()


def main() -> int:
    """Serve; the exit status."""
    port = int(os.environ.get("SLEW_PORT", "8080"))
    WORKDIR.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=WORKDIR / "serve.log", format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    with ExitStack() as cleanup:
        try:
            stack = cleanup.enter_context(Stack(port, WORKDIR))
        except OSError as error:
            print(f"Cannot serve on port {port}: {error.strerror}. SLEW_PORT sets another.", file=sys.stderr)
            return 1
        described = WORKDIR / "serve.json"
        cleanup.callback(described.unlink, missing_ok=True)
        write(described, describe(stack))
        print(welcome(stack), flush=True)
        ending.wait()
    return 0


def describe(stack: Stack) -> dict[str, Any]:
    """What `.slew/serve.json` holds."""
    return {
        "url": stack.url,
        "token": stack.token,
        "aws_endpoint": stack.aws_endpoint,
        "simulators": {name: urls.url for name, urls in stack.simulators.items()},
    }


def write(path: Path, value: dict[str, Any]) -> None:
    """Write JSON so that a reader sees all of it or none; for the owner only, as it holds a token."""
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value, indent=2) + "\n")
    draft.replace(path)


def welcome(stack: Stack) -> str:
    """The token, and three commands: the catalogue, an allocation at Slack's simulator, a request."""
    workspace, channel, token = SEEDED_HOOKS[0]
    allocation = {
        "id": "first",
        "pi": "A. Observer",
        "group": "supernovae",
        "altdata": {"slack_workspace": workspace, "slack_channel": channel, "slack_token": token},
    }
    request = {
        "allocation_id": "first",
        "target": {"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651},
        "payload": {"observation_choices": ["sdssg", "sdssr"], "exposure_time": 300, "exposure_counts": 2},
    }
    return "\n".join(
        [
            f"Slew serves on {stack.url}; Ctrl-C ends it. The functions' logs are in {WORKDIR / 'logs'}.",
            "",
            f"Token (an administrator's): {stack.token}",
            "",
            curl(stack, "/facilities"),
            "",
            curl(stack, "/facilities/slack/allocations", allocation),
            "",
            curl(stack, "/facilities/slack/requests", request),
            "",
            f"The message then stands at {stack.simulators['slack'].url}/_messages",
        ]
    )


def curl(stack: Stack, path: str, body: dict[str, Any] | None = None) -> str:
    """A curl command on one line that works as it stands."""
    words = ["curl", "-s", "-H", f"Authorization: Bearer {stack.token}"]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    return shlex.join([*words, f"{stack.url}{path}"])


if __name__ == "__main__":
    sys.exit(main())
